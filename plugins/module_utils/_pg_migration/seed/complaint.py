"""What a server says when the seed cannot go on, with whose it is and the mend."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgToolError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError

with contextlib.suppress(ImportError):  # the module says it in words
    from psycopg import pq

if TYPE_CHECKING:
    import psycopg

ENDING = "then run seed again, it goes on where it stood"
DISK_FULL = "53100"


def said(subject: str, side: str, words: str, sqlstate: str | None, otherwise: str) -> MigrationError:
    """The server has answered with an error."""
    mend = (
        f"make room on the {side} (its disk, or the tablespace of the database)" if sqlstate == DISK_FULL else otherwise
    )
    return MigrationError(f"{subject}: the {side} says: {' '.join(words.split())}. Mend: {mend}, {ENDING}")


def gone(
    subject: str, source: psycopg.Connection[Any] | None, target: psycopg.Connection[Any] | None, error: Exception
) -> MigrationError:
    """The connection ended without an answer; a session that broke tells whose it was."""
    sides = [name for name, one in (("source", source), ("target", target)) if one is not None and _broken(one)]
    who = " and the ".join(sides) or "server"
    return MigrationError(
        f"{subject}: the {who} ended the connection ({_words(error)}). Mend: see that it runs, and its log; {ENDING}"
    )


def other(error: Exception) -> MigrationError:
    """Between two statements, where nobody knows better."""
    return MigrationError(
        f"PostgreSQL says: {_words(error)}. Mend: see that both servers run, and their logs; {ENDING}"
    )


def tool(error: PgToolError) -> MigrationError:
    """pg_dump or pg_restore has ended; its last words tell of which server."""
    return MigrationError(f"{error}. Mend: see that both servers run, and their logs; {ENDING}")


def _words(error: Exception) -> str:
    """Without the details, which may quote a row."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    return " ".join(str(primary or error).split())


def _broken(session: psycopg.Connection[Any]) -> bool:
    return session.pgconn.status != pq.ConnStatus.OK
