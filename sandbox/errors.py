"""One exception for all that a person can mend."""

from __future__ import annotations


class SandboxError(Exception):
    """What is wrong, and how to mend it."""

    def __init__(self, message: str, mend: str = "") -> None:
        super().__init__(message)
        self.mend = mend
