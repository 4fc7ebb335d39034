"""Changes to a table that others use: never queue behind a long transaction, or everybody queues behind us."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

LOCK_TIMEOUT = "300ms"
PAUSE = 0.5


def execute(session: psycopg.Connection[Any], statement: sql.Composed, subject: str, seconds: float = 60.0) -> None:
    """Try again and again with a short lock_timeout, and let the others pass in between."""
    end = time.monotonic() + seconds
    while True:
        try:
            with session.transaction():
                session.execute(f"SET LOCAL lock_timeout TO '{LOCK_TIMEOUT}'")
                session.execute(statement)
            return
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            if time.monotonic() > end:
                raise MigrationError(
                    f"{subject} stayed locked by others for {seconds:.0f} s. Mend: end the long transaction"
                    " (pg_stat_activity.xact_start tells its age)"
                ) from None
            time.sleep(PAUSE)
