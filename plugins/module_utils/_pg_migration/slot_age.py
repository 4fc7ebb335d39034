"""How long the slot on the source has been there, and how much WAL it keeps: what a move costs the source while it lasts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context

if TYPE_CHECKING:
    import psycopg

MIB = 1024**2
KEPT = """
SELECT active, coalesce(wal_status, ''), safe_wal_size, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint
FROM pg_catalog.pg_replication_slots WHERE slot_name = %s
"""


def read(context: Context, source: psycopg.Connection[Any]) -> dict[str, Any]:
    """Empty where there is no slot. `seconds` is None for one that an older version of this made."""
    row = source.execute(KEPT, (context.names.slot,)).fetchone()
    if row is None:
        return {}
    made = context.journal.entries.get("seed", {}).get("made_at")
    return {
        "name": context.names.slot,
        "active": bool(row[0]),
        "wal_status": row[1],
        "safe_wal_size": row[2],
        "retained_bytes": int(row[3] or 0),
        "seconds": max(0.0, round(time.time() - float(made), 1)) if made else None,
    }


def words(found: dict[str, Any]) -> str:
    """For a person; empty where there is nothing to say. Pure."""
    if not found:
        return ""
    age = "" if found["seconds"] is None else f"is {_span(found['seconds'])} old and "
    limit = found["safe_wal_size"]
    left = "" if limit is None else f", {max(0, limit) / MIB:.0f} MiB more before it is lost"
    return f"the slot on the source {age}keeps {found['retained_bytes'] / MIB:.0f} MiB of WAL{left}"


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
