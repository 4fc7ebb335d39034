"""Changes to a table that others use: never queue behind a long transaction, or everybody queues behind us."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

LOCK_TIMEOUT = "300ms"
# An autovacuum that is in the way is cancelled by the server's look for deadlocks, which has to come before we give up.
DEADLOCK_TIMEOUT = "100ms"
PAUSE = 0.5
LOOK_PATIENCE = 60.0  # seconds
# Who holds locks on tables of this database for longest: one that still does after a minute of trying is what we wait for.
HOLDERS = """
SELECT a.pid, coalesce(a.usename, a.backend_type), left(a.query, 60), extract(epoch FROM clock_timestamp() - a.xact_start)::int
FROM pg_catalog.pg_stat_activity a WHERE a.pid <> pg_backend_pid() AND a.xact_start < clock_timestamp() - interval '5 s'
  AND EXISTS (SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.database
              WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.granted AND d.datname = current_database() AND l.relation >= 16384)
ORDER BY a.xact_start LIMIT 3
"""


def execute(session: psycopg.Connection[Any], statement: sql.Composed, subject: str, seconds: float = 60.0) -> None:
    """Try again and again with a short lock_timeout, and let the others pass in between."""
    end = time.monotonic() + seconds
    while True:
        try:
            with session.transaction():
                session.execute(f"SET LOCAL lock_timeout TO '{LOCK_TIMEOUT}'")
                with contextlib.suppress(psycopg.errors.InsufficientPrivilege), session.transaction():
                    session.execute(f"SET LOCAL deadlock_timeout TO '{DEADLOCK_TIMEOUT}'")
                session.execute(statement)
            return
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            if time.monotonic() > end:
                raise MigrationError(
                    f"{subject} stayed locked by others for {seconds:.0f} s{_held(session)}. Mend: end that transaction, or let it end"
                    " (an autovacuum: SELECT pg_cancel_backend(its process)), then the same verb again"
                ) from None
            time.sleep(PAUSE)


@contextlib.contextmanager
def looking(*sessions: psycopg.Connection[Any]) -> Iterator[None]:
    """Even the size of a table cannot be read while a change of it is not committed: wait for that, but not without an end or a word."""
    for session in sessions:
        session.execute(sql.SQL("SET lock_timeout TO {}").format(f"{LOOK_PATIENCE:.0f}s"))
    try:
        yield
    except psycopg.errors.LockNotAvailable:
        raise MigrationError(
            f"a table stayed locked by others for {LOOK_PATIENCE:.0f} s{''.join(_held(session) for session in sessions)}; nothing was changed."
            " Mend: end that transaction, or let it end, then the same verb again"
        ) from None
    for session in sessions:
        session.execute("SET lock_timeout TO 0")


def _held(session: psycopg.Connection[Any]) -> str:
    with contextlib.suppress(psycopg.Error):
        found = [
            f"process {pid} of {who}, for {age} s: {' '.join(str(query).split())}"
            for pid, who, query, age in session.execute(HOLDERS).fetchall()
        ]
        return f" ({'; '.join(found)})" if found else ""
    return ""
