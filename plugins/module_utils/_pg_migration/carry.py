# ruff: noqa: S608 - only constants of this package are put into the text; names come quoted from the server
"""What replication does not carry: where sequences stand. (Materialised views: views.py; large objects: large_objects.py.)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import USER_SCHEMA

if TYPE_CHECKING:
    import psycopg

_OWN = (
    "NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::regclass"
    " AND e.objid = c.oid AND e.deptype = 'e')"
)
_SEQUENCES = f"""
SELECT c.oid::regclass::text, s.seqincrement, s.seqmin, s.seqmax FROM pg_catalog.pg_sequence s
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence <> 't' AND {USER_SCHEMA} AND {_OWN} ORDER BY 1
"""
AT_ONCE = 200


@dataclass(frozen=True)
class Standing:
    """Where a sequence stands."""

    value: int
    called: bool
    increment: int = 1
    least: int = 1
    most: int = 2**63 - 1

    @property
    def ahead(self) -> int:
        """Larger is further, whatever the direction; a value that was given out is further than one that was not."""
        way = 1 if self.increment > 0 else -1
        return way * self.value * 2 + (1 if self.called else 0)


def onward(old: Standing, new: Standing, margin: int) -> tuple[int, bool] | None:
    """Where the new side has to be set; None when it is there already. Never backwards. Pure."""
    if not old.called:  # nothing was given out yet: the first value has still to be the first
        wanted = Standing(old.value, False, old.increment)
    else:
        value = old.value + margin * old.increment
        value = max(new.least, min(new.most, value))
        wanted = Standing(value, True, old.increment)
    if new.ahead >= wanted.ahead:
        return None
    return wanted.value, wanted.called


def read_sequences(session: psycopg.Connection[Any]) -> dict[str, Standing]:
    known = session.execute(_SEQUENCES).fetchall()
    found: dict[str, Standing] = {}
    for start in range(0, len(known), AT_ONCE):
        part = {name: (increment, least, most) for name, increment, least, most in known[start : start + AT_ONCE]}
        # The sequence itself: the view pg_sequences hides whether its value was given out.
        text = " UNION ALL ".join(
            f"SELECT {number}, last_value, is_called FROM {name}".replace("%", "%%") for number, name in enumerate(part)
        )
        names = list(part)
        for number, value, called in session.execute(text.replace("%%", "%")):
            found[names[number]] = Standing(value, called, *part[names[number]])
    return found


def sequences(old: psycopg.Connection[Any], new: psycopg.Connection[Any], margin: int) -> int:
    """Every sequence of the new side stands past the old one's; how many were set."""
    here, there = read_sequences(old), read_sequences(new)
    missing = sorted(here.keys() - there.keys())
    if missing:
        raise MigrationError(f"sequence {', '.join(missing[:5])} is missing on the other side. Mend: make it there")
    moves: list[tuple[str, int, bool]] = []
    for name, standing in here.items():
        to = onward(standing, there[name], margin)
        if to is not None:
            moves.append((name, *to))
    if moves:
        new.execute(
            "SELECT setval(w.name::regclass, w.value, w.called) FROM unnest(%s::text[], %s::int8[], %s::bool[]) w(name, value, called)",
            ([one[0] for one in moves], [one[1] for one in moves], [one[2] for one in moves]),
        )
    return len(moves)


def behind(old: psycopg.Connection[Any], new: psycopg.Connection[Any]) -> list[str]:
    """Sequences of the new side that would give out a number twice."""
    here, there = read_sequences(old), read_sequences(new)
    return [
        f"sequence {name} stands at {there[name].value if name in there else 'nothing'}, behind {standing.value} of the other side"
        for name, standing in here.items()
        if standing.called and (name not in there or there[name].ahead < standing.ahead)
    ]
