"""The one exception type of everything that talks to PostgreSQL."""

from __future__ import annotations


class PgError(Exception):
    """What went wrong, and how to mend it, in one sentence for a person."""


class PgConnectError(PgError):
    """A server could not be reached, or did not let us in."""


class PgToolError(PgError):
    """A command of the PostgreSQL client ended badly."""
