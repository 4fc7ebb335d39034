"""How long it will take: a simple model with its constants in one place, measured on two cores that both servers shared.

Seconds of a real move on other machines differ; the journal of a rehearsal knows better, and the cutover uses it when there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.large_objects import SCAN
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import room
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.model import Content, Facts

MIB = 1024**2
COPY_RATE = 60 * MIB  # bytes a second of tables, by two workers or more
COPY_RATE_ALONE = 40 * MIB  # by one
BUILD_RATE = 40 * MIB  # bytes of indexes a second
SEED_FIXED = 2.0  # schema, slot, statistics
HASH_RATE = 350 * MIB  # bytes a second compared by one pair of sessions that has the cores for itself
VERIFY_RATE = (
    100 * MIB
)  # bytes of tables a second compared while users work, by all pairs together: they share the cores with users
VERIFY_FIXED = 1.0  # the slot, a snapshot of both sides, definitions
APPLY_SCAN_RATE = 500 * MIB  # bytes a second of a look through a table that is cached
FREEZE_FIXED = 0.5  # end sessions, drain an idle source, compare nothing, switch
SEQUENCE_SECONDS = 0.0005
OBJECT_RATE = (
    25 * MIB
)  # bytes a second of large objects, copied and compared, and of unlogged tables with their indexes
VIEW_RATE = 30 * MIB  # bytes a second of materialised views, made anew


def hash_seconds(size: int) -> float:
    return size / HASH_RATE


def verify_seconds(size: float) -> float:
    """Of the comparison while users work."""
    return VERIFY_FIXED + size / VERIFY_RATE


def of(facts: Facts, settings: Settings) -> dict[str, Any]:
    """Bytes, rows and seconds, for people and for the plan of others."""
    return of_content(facts.content, facts.here.superuser, settings)


def words(found: Mapping[str, Any]) -> str:
    """Of what `of` says, in a sentence."""
    return (
        f"{found['tables']} tables, {found['bytes'] / MIB:.0f} MiB, about {found['rows']} rows; seed about {found['seed_seconds']:.0f} s,"
        f" comparison about {found['verify_seconds']:.0f} s, freeze about {found['freeze_seconds']:.1f} s"
    )


def of_content(content: Content, superuser: bool, settings: Settings) -> dict[str, Any]:
    """`superuser`: on the source, where it may see which large objects were changed."""
    size = sum(table.bytes for table in content.tables)
    rate = COPY_RATE if settings.jobs > 1 else COPY_RATE_ALONE
    if settings.rate_limit:
        rate = min(rate, settings.rate_limit)
    keyless = sum(table.bytes for table in content.tables if not table.key)
    objects = content.large_object_bytes / OBJECT_RATE
    freeze = (
        FREEZE_FIXED
        + content.sequences * SEQUENCE_SECONDS
        + content.unlogged_bytes / OBJECT_RATE
        + objects / (SCAN if superuser else 1)
        + content.late_view_bytes / VIEW_RATE
        + hash_seconds(size if settings.verify == "full" else keyless)
    )
    return {
        "tables": len(content.tables),
        "bytes": size,
        "index_bytes": content.index_bytes,
        "unlogged_bytes": content.unlogged_bytes,
        "target_bytes": room.needed(content),
        "rows": sum(table.rows for table in content.tables),
        "seed_seconds": round(size / rate + content.index_bytes / BUILD_RATE + objects + SEED_FIXED, 1),
        "verify_seconds": round(verify_seconds(size), 1),
        "freeze_seconds": round(freeze, 2),
    }
