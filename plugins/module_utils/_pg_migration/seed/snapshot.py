"""The slot and its snapshot, as the verb sees them: made once, kept by a process of its own, given up in one place."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import launch
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import holder

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg

WHAT = "snapshot"
PATIENCE = 60.0  # seconds that running transactions get to end
POLL = 0.1

# A logical slot begins when every transaction that ran at its creation has ended.
RUNNING = """
SELECT format('pid %%s of %%s (%%s, %%s s)', a.pid, a.usename, nullif(a.application_name, ''), round(extract(epoch FROM now() - a.xact_start)))
FROM pg_catalog.pg_stat_activity a
WHERE a.backend_xid IS NOT NULL AND a.pid <> pg_backend_pid() AND a.backend_type <> 'walsender' AND a.xact_start < now() - interval '1 second'
UNION ALL
SELECT format('prepared transaction %%L in database %%s', gid, database) FROM pg_catalog.pg_prepared_xacts
"""
SLOT = "SELECT active_pid, wal_status FROM pg_catalog.pg_replication_slots WHERE slot_name = %s"


def unit(context: Context) -> launch.Unit:
    return launch.Unit(context, WHAT)


def known(context: Context) -> dict[str, Any]:
    """The snapshot's name and LSN, empty when none was made."""
    return dict(context.journal.read(holder.SNAPSHOT) or {})


def usable(context: Context) -> bool:
    """Its keeper lives; only then the snapshot can be taken over by one more session."""
    return bool(known(context)) and launch.alive(unit(context))


def create(context: Context, patience: float = PATIENCE) -> dict[str, Any]:
    """Make slot and snapshot. Whoever stands in the way is named, and nothing is left behind."""
    drop(context)
    launch.start(unit(context), holder.hold)
    end = time.monotonic() + patience
    try:
        while not known(context):
            if not launch.alive(unit(context)):
                launch.attach(unit(context))  # raises what it ended with
            if time.monotonic() > end:
                raise MigrationError(_in_the_way(context, patience))
            time.sleep(POLL)
    except BaseException:
        drop(context)
        raise
    return known(context)


def _in_the_way(context: Context, patience: float) -> str:
    with context.source() as session:
        found = [row[0] for row in session.execute(RUNNING.replace("%%", "%"))]
    who = ", ".join(found) or "none is visible now"
    return (
        f"slot {context.names.slot} could not be made within {patience:.0f} s: it waits for transactions that write ({who})."
        " Mend: let them end, or pg_terminate_backend(pid), then run seed again; nothing was left on the source's side"
    )


def release(context: Context) -> None:
    """Every row has been read: let the source vacuum again. The slot stays."""
    launch.stop(unit(context))


def drop(context: Context) -> None:
    """Give up the slot and the snapshot."""
    with context.source() as session:
        # A walsender that waits for a transaction does not notice that its client has gone.
        session.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity WHERE application_name = %s AND pid <> pg_backend_pid()",
            (holder.application(context),),
        )
        launch.stop(unit(context))
        (context.journal.folder / holder.SNAPSHOT).unlink(missing_ok=True)
        row = session.execute(SLOT, (context.names.slot,)).fetchone()
        if row is None:
            return
        if row[0]:
            session.execute("SELECT pg_terminate_backend(%s, 5000)", (row[0],))
        with contextlib.suppress(psycopg.errors.UndefinedObject):
            session.execute("SELECT pg_drop_replication_slot(%s)", (context.names.slot,))
