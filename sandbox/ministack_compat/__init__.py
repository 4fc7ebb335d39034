"""What MiniStack lacks for amazon.aws, one small module a gap.

Each module says which gap it closes and has `apply()`, called once before the server starts. A test beside them fails
when the emulator has closed the gap itself. No role or module of the collection is bent to the emulator instead.
"""
