"""How well the source follows the target after the cutover: whether there is still a way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import shape, subscription
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.health import LAG, NARROW

if TYPE_CHECKING:
    import psycopg

LOST = (
    "the way back is lost: the target has thrown WAL away that the source still needs. Mend: stay on the target (finish),"
    " or move from the target to the source as a new move"
)


# A session of the move's name may pass the guard; what an ordinary one changes there is refused.
CHANGED = (
    "The schema was changed after the cutover, and what is written since does not reach the source. Mend: take the change back on the target, or"
    " make the same one on the source in a session with application_name platform_migration/... and default_transaction_read_only off, for a"
    " new table then ALTER PUBLICATION {name} ADD TABLE ONLY ... on the target and GRANT SELECT on it to the returner's login; on the source"
    " ALTER SUBSCRIPTION {name} ENABLE, and ALTER SUBSCRIPTION {name} REFRESH PUBLICATION; or finish, if nobody will go back"
)


@dataclass(frozen=True)
class ReturnHealth:
    """One look at the return leg."""

    exists: bool = False
    enabled: bool = False
    connected: bool = False  # its slot on the target is being read
    lost: bool = False
    lag_bytes: int = 0
    safe_wal_size: int | None = None
    name: str = ""
    shapes: tuple[str, ...] = ()  # differences of the tables: the schema was changed on the target
    reason: str = ""  # why it does not connect, where that was asked and could be found out

    @property
    def problems(self) -> list[str]:
        """What stands in the way of a rollback, each with its mend."""
        if self.lost:
            return [LOST]
        found = [f"{words}. {CHANGED.format(name=self.name)}" for words in self.shapes]
        if not self.enabled:
            found.append(
                f"the subscription {self.name} on the source is {'disabled' if self.exists else 'not there'}."
                " Mend: see the log of the source for its reason, take it away, then ALTER SUBSCRIPTION ... ENABLE"
            )
        return found

    @property
    def notices(self) -> list[str]:
        """Problems, and what may become one while users work."""
        found = self.problems
        if not found and not self.connected:
            found.append(
                f"the way back stands still: {self.lag_bytes} bytes wait on the target for the source, which does not fetch them, and their"
                " WAL is kept. "
                + (self.reason or "Mend: start the source again and see that it reaches the target")
                + "; or finish, if nobody will go back"
            )
        if not self.lost and self.safe_wal_size is not None and self.safe_wal_size < NARROW:
            found.append(
                f"the way back is about to be lost: {max(0, self.safe_wal_size)} bytes of WAL are left to its slot."
                " Mend: raise max_slot_wal_keep_size on the target, or finish"
            )
        return found

    def facts(self) -> dict[str, Any]:
        """For results and reports."""
        return {**vars(self), "shapes": list(self.shapes)}


def read(context: Context, source: psycopg.Connection[Any], target: psycopg.Connection[Any]) -> ReturnHealth:
    name = context.names.return_subscription
    state, slot = subscription.state(source, name), subscription.slot(target, name)
    if slot is None or slot[1] == "lost":
        return ReturnHealth(exists=state is not None, lost=True, name=name)
    there = shape.read(target)
    differs = shape.differences(shape.read(source), there)
    differs += shape.unpublished(target, context.names.return_publication, there)
    lag = target.execute(LAG, (name,)).fetchone() or (0, "", None)
    return ReturnHealth(
        exists=state is not None,
        enabled=bool(state and state[0]),
        connected=slot[0],
        lag_bytes=max(0, int(lag[0] or 0)),
        safe_wal_size=slot[2],
        name=name,
        shapes=tuple(differs),
    )
