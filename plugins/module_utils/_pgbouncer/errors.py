"""What can go wrong with PgBouncer, in words that name the object and the mend."""

from __future__ import annotations


class PgBouncerError(Exception):
    """PgBouncer cannot be reached, or did not do what it was told."""


class PauseTimeoutError(PgBouncerError):
    """Transactions did not end in time. The database was resumed: it is as it was before."""
