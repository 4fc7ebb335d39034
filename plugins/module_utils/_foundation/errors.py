"""The one exception of the foundation: what is wrong, and how to mend it."""

from __future__ import annotations


class FoundationError(Exception):
    """Something in the account that the roles must not mend on their own."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} Mend: {mend}")
        self.what = what
        self.mend = mend
