"""How long a freeze will last: asked before anybody is frozen, in either direction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._cutover.participant import Participant
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    extension_rows,
    large_objects,
    unlogged,
    verify,
    view_reach,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import queries
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.estimate import VIEW_RATE
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import Foreseen

if TYPE_CHECKING:
    import psycopg

FIXED = 0.4  # seconds of a freeze in which there is nothing to do: round trips, and the drain of an idle source
OBJECT_RATE = 50 * 1024**2  # bytes a second of large objects, read on both sides and compared


def seconds(foreseen: Foreseen, views: float, objects: int) -> float:
    """`views`: seconds of those that are refreshed in it; `objects`: bytes of large objects, unlogged tables and those of extensions. Pure."""
    return FIXED + views + 2 * objects / OBJECT_RATE + foreseen.seconds


def too_long(foreseen: Foreseen, cost: float, settings: Settings) -> list[str]:
    """Where it is the comparison that does not fit, and a new online one would make it fit. Pure."""
    if cost <= settings.freeze_budget or cost - foreseen.seconds > settings.freeze_budget:
        return []
    return foreseen.mendable(settings.freeze_budget)


def too_far(behind: float, cost: float, settings: Settings) -> list[str]:
    """Where it is the follower that does not keep up; `cost`: seconds of everything else. Pure."""
    if behind + cost <= settings.freeze_budget or cost > settings.freeze_budget:
        return []
    return [
        f"what users write now is on the other side {behind:.1f} s later, and in the freeze they would wait for it; with the rest of it that"
        f" is {behind + cost:.1f} s, {settings.freeze_budget:.1f} s are allowed. Mend: a quieter hour, a larger freeze_budget, or a key for"
        " tables that are changed without one (of each changed row the other side searches the whole table)"
    ]


def view_words(sizes: Mapping[str, int], late: Mapping[str, str]) -> list[str]:
    """Which materialised views lengthen the freeze, and which may. Pure."""
    said = [f"materialised view {name} is refreshed in the freeze: {why}" for name, why in sorted(late.items())]
    if others := sorted(sizes.keys() - late.keys()):
        said.append(
            f"materialised views {', '.join(others)} are refreshed before the freeze; one that is refreshed where users write after that is"
            f" refreshed in it once more (all of them: about {sum(sizes[name] for name in others) / VIEW_RATE:.1f} s, longer where the query is"
            " slow). Mend: let no job refresh them for the time of the cutover"
        )
    return said


def others(participants: Sequence[Participant]) -> tuple[float, dict[str, float], list[str]]:
    """Of the stores that are moved in the same freeze: seconds, those of each, and what a person should know."""
    parts: dict[str, float] = {}
    told: list[str] = []
    for one in participants:
        parts[one.name], said = getattr(one, "foresee", lambda: (0.0, []))()
        told += said
    return sum(parts.values()), {name: round(cost, 2) for name, cost in parts.items()}, told


def look(context: Context, old: psycopg.Connection[Any]) -> tuple[float, dict[str, Any], list[str]]:
    """For check mode, which changes nothing: seconds, what they are made of, and what a person should know."""
    found = verify.comparison(context, collect=False)
    sizes = dict(old.execute(queries.VIEWS).fetchall())
    late = view_reach.late(old)
    views = sum(sizes.get(name, 0) for name in late) / VIEW_RATE
    objects = (
        large_objects.frozen_size(old)
        + unlogged.size(old)
        + extension_rows.size(old, context.settings.left_extension_tables)
    )
    cost = seconds(found, views, objects)
    parts = {
        "compare_seconds": found.seconds,
        "changed_rows": found.keys,
        "whole_tables": list(found.whole),
        "whole_bytes": found.bytes,
        "unread_wal_bytes": found.wal_bytes,
        "view_seconds": round(views, 2),
        "views_in_freeze": sorted(late),
        "object_bytes": objects,
    }
    problems = [*found.faults, *(too_long(found, cost, context.settings) or found.notices()), *view_words(sizes, late)]
    return cost, parts, problems
