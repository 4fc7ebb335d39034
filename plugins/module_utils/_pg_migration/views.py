# ruff: noqa: S608 - only constants of this package are put into the text; names come quoted from the server
"""Materialised views, which replication does not carry: refreshed on the new side while users work, and in the freeze only where that is
not enough.

A view shows what its last REFRESH saw, and no more. So the new side's is not staler than the old side's when its own REFRESH began after
everything was there that the old one may have seen: first the old side is looked at, then the drain to that moment, then the refresh.
What the old side refreshes after that look has to be refreshed once more. Every REFRESH, also one that is CONCURRENTLY or finds nothing
new, writes the view's row in pg_class; so the transaction that wrote this row tells. No rights, trigger or statistics are needed for that,
so it works in both directions. One that reads another is not staler either when only the other one was refreshed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import view_reach
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import USER_SCHEMA

with contextlib.suppress(ImportError):  # the module says it in words
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

_VIEWS = f"""
SELECT c.oid::regclass::text, n.nspname, c.relname, c.relispopulated, format('%s/%s', c.oid, c.xmin) FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm' AND {USER_SCHEMA}
 AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
"""
# Which materialised view reads which, also through plain views.
_READS = """
WITH RECURSIVE reads(view, used) AS (
  SELECT r.ev_class, d.refobjid FROM pg_catalog.pg_rewrite r
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = r.oid
   AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid <> r.ev_class
), far(view, used) AS (
  SELECT view, used FROM reads UNION SELECT f.view, r.used FROM far f JOIN reads r ON r.view = f.used
)
SELECT a.oid::regclass::text, b.oid::regclass::text FROM far
JOIN pg_catalog.pg_class a ON a.oid = far.view AND a.relkind = 'm' JOIN pg_catalog.pg_class b ON b.oid = far.used AND b.relkind = 'm'
"""
ROUNDS = 3  # of refreshing what the old side refreshed while the last round ran
BEHIND = "the new side did not have everything yet that the old side's may show"


@dataclass(frozen=True)
class Ready:
    """What was refreshed on the new side before a freeze, and how far that goes."""

    marks: Mapping[str, str] = field(default_factory=dict)  # of the old side, from before the refresh of the new one
    seconds: Mapping[str, float] = field(default_factory=dict)  # of each
    late: Mapping[str, str] = field(default_factory=dict)  # refreshed in the freeze whatever happens, and why
    again: frozenset[str] = frozenset()  # the old side refreshed them meanwhile, and may once more

    def due(self, marks: Mapping[str, str]) -> set[str]:
        """What a freeze of now has to refresh."""
        return {name for name, mark in marks.items() if name in self.late or self.marks.get(name) != mark}

    def expected(self, marks: Mapping[str, str]) -> float:
        """Seconds of that, as far as it can be foreseen."""
        return sum(self.seconds.get(name, 0.0) for name in self.due(marks) | (self.again & marks.keys()))

    def notices(self) -> list[str]:
        said = [
            f"materialised view {name} is refreshed in the freeze: {why}" for name, why in sorted(self.late.items())
        ]
        if self.again:
            names = ", ".join(sorted(self.again))
            said.append(
                f"materialised views {names}: they were refreshed on the old side while this was prepared; if that happens once more before the freeze,"
                " they are refreshed in it. Mend: let nothing refresh them for that time"
            )
        return said


def read(session: psycopg.Connection[Any]) -> dict[str, str]:
    """Populated view -> the mark of its last REFRESH."""
    return {name: mark for name, _, _, populated, mark in session.execute(_VIEWS) if populated}


def ready(
    old: psycopg.Connection[Any],
    new: psycopg.Connection[Any],
    caught_up: Callable[[], bool],
    tell: Callable[[str], None] = lambda words: None,
) -> Ready:
    """Refresh all that the old side shows. `caught_up` waits until the new side has what the old one has now, and says whether it came so far."""
    late = view_reach.late(old)
    marks: dict[str, str] = {}
    seconds: dict[str, float] = {}
    again: set[str] = set()
    for number in range(ROUNDS):
        now = read(old)
        wanted = {name for name, mark in now.items() if marks.get(name) != mark}
        if not wanted:
            break
        if number:
            again |= wanted
        if not caught_up():
            late.update(dict.fromkeys(wanted - late.keys(), BEHIND))
        seconds.update(refresh(new, wanted, tell))
        marks = now
    return Ready(marks, seconds, {name: why for name, why in late.items() if name in marks}, frozenset(again))


def carry(old: psycopg.Connection[Any], new: psycopg.Connection[Any], known: Ready | None) -> dict[str, float]:
    """In the freeze, after the drain: what has to be refreshed once more; seconds of each. All of them where nothing was made ready."""
    marks = read(old)
    return refresh(new, marks.keys() if known is None else known.due(marks))


def refresh(
    new: psycopg.Connection[Any], wanted: Collection[str], tell: Callable[[str], None] = lambda words: None
) -> dict[str, float]:
    """Seconds of each."""
    there: Mapping[str, tuple[str, str]] = {name: (schema, view) for name, schema, view, _, _ in new.execute(_VIEWS)}
    missing = sorted(set(wanted) - there.keys())
    if missing:
        raise MigrationError(f"materialised view {missing[0]} is missing on the other side. Mend: make it there")
    seconds: dict[str, float] = {}
    for number, name in enumerate(in_order(sorted(wanted), new.execute(_READS).fetchall()), 1):
        tell(f"{number} of {len(wanted)}: {name}")
        began = time.monotonic()
        with new.transaction():
            # As its owner would: functions in it may rely on the search path, policies are the owner's affair.
            new.execute("SET LOCAL search_path TO DEFAULT")
            new.execute("SET LOCAL row_security TO on")
            new.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(*there[name])))
        seconds[name] = round(time.monotonic() - began, 3)
    return seconds


def in_order(names: Sequence[str], reads: Sequence[tuple[str, str]]) -> list[str]:
    """A view after those that it reads. Pure."""
    graph: dict[str, set[str]] = {name: set() for name in names}
    for view, used in reads:
        if view in graph and used in graph:
            graph[view].add(used)
    return list(TopologicalSorter(graph).static_order())
