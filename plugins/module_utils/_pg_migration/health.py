"""How well the target follows: read on both sides, judged in one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import shape, subscription
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import SlotLostError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import ANEW

if TYPE_CHECKING:
    import psycopg

LAG = """
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint, pg_current_wal_lsn()::text,
       extract(epoch FROM r.replay_lag)::float8
FROM pg_catalog.pg_replication_slots s LEFT JOIN pg_catalog.pg_stat_replication r ON r.pid = s.active_pid WHERE s.slot_name = %s
"""
ERRORS = "SELECT apply_error_count FROM pg_catalog.pg_stat_subscription_stats WHERE subname = %s"
NARROW = 64 * 1024**2  # bytes of WAL left to the slot from which on it is worth a word


@dataclass(frozen=True)
class Health:
    """One look at the forward leg."""

    exists: bool = False
    enabled: bool = False
    worker: int | None = None
    connected: bool = False  # the slot is being read
    apply_errors: int = 0
    wal_status: str = ""
    safe_wal_size: int | None = None
    lag_bytes: int = 0
    lag_seconds: float | None = None
    lsn: str = ""
    shapes: tuple[str, ...] = field(default=())  # differences of the tables, DDL in flight

    @property
    def follows(self) -> bool:
        return self.enabled and self.connected and not self.shapes

    @property
    def notices(self) -> list[str]:
        found = list(self.shapes)
        if self.wal_status == "unreserved" or (self.safe_wal_size is not None and self.safe_wal_size < NARROW):
            found.append(
                f"the slot is about to be lost: {self.safe_wal_size or 0} bytes of WAL are left to it."
                " Mend: raise max_slot_wal_keep_size on the source, or free what holds the target up"
            )
        if self.enabled and not self.connected:
            found.append("the subscription is enabled, but its worker is not connected to the source")
        return found

    def facts(self) -> dict[str, Any]:
        """For results and reports."""
        return {**vars(self), "shapes": list(self.shapes)}


def slot_lost(context: Context) -> SlotLostError:
    return SlotLostError(
        f"slot {context.names.slot} on {context.ends.source.label} is lost: the source has thrown WAL away that the target still needs"
        " (max_slot_wal_keep_size, or somebody dropped it). Users are not touched; what was copied is of no use any more."
        f" Mend: {ANEW}"
    )


def read(
    context: Context, source: psycopg.Connection[Any], target: psycopg.Connection[Any], shapes: bool = True
) -> Health:
    """Raises SlotLostError; everything else is in the result."""
    names = context.names
    slot = subscription.slot(source, names.slot)
    if slot is None or slot[1] == "lost":
        raise slot_lost(context)
    lag = source.execute(LAG, (names.slot,)).fetchone() or (0, "", None)
    found = subscription.state(target, names.subscription)
    counted = target.execute(ERRORS, (names.subscription,)).fetchone() or (0,)
    differs: list[str] = []
    if shapes:
        here = shape.read(source)
        differs = shape.differences(here, shape.read(target)) + shape.unpublished(source, names.publication, here)
    return Health(
        exists=found is not None,
        enabled=bool(found and found[0]),
        worker=found[2] if found else None,
        connected=slot[0],
        apply_errors=int(counted[0]),
        wal_status=slot[1] or "",
        safe_wal_size=slot[2],
        lag_bytes=max(0, int(lag[0])),
        lag_seconds=lag[2],
        lsn=str(lag[1]),
        shapes=tuple(differs),
    )
