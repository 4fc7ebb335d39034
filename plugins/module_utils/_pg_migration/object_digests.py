"""Large objects on two servers, compared by digests that each server makes: of pieces, so that none is ever held as a whole."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg

if TYPE_CHECKING:
    import psycopg

MISSING, EXTRA, DIFFERS = "missing", "extra", "differs"
AT_ONCE = 500  # objects in one question
PIECE = 1024 * 1024
READ, FROM_END = 0x40000, 2  # of lo_open and lo_lseek64
NUMBERS = "SELECT oid::bigint FROM pg_catalog.pg_largeobject_metadata WHERE oid > %s::bigint::oid ORDER BY oid LIMIT %s"
# By lo_get, and not by the pages of pg_largeobject: those only a superuser may read, and a hole that one side keeps as no page at all is a
# page of zeros on the other. All in one statement, so in one snapshot. OFFSET 0 keeps the planner from opening an object more than once.
DIGESTS = f"""
SELECT m.oid::bigint, s.size || ' ' || (
  SELECT encode(sha256(coalesce(string_agg(sha256(lo_get(m.oid, n, {PIECE})), ''::bytea ORDER BY n), ''::bytea)), 'hex')
  FROM generate_series(0::bigint, s.size - 1, {PIECE}) n)
FROM pg_catalog.pg_largeobject_metadata m
CROSS JOIN LATERAL (SELECT lo_open(m.oid, {READ}) AS opened OFFSET 0) o
CROSS JOIN LATERAL (SELECT lo_lseek64(o.opened, 0, {FROM_END}) AS size OFFSET 0) s
WHERE m.oid = ANY (%s::bigint[]::oid[])
"""  # noqa: S608 - numbers of our own
# Written by a transaction whose number is not below the given one. Numbers on disk have 32 bits; what seems late by their turning over is
# only looked at once more. A large object that is made shorter leaves a page that was written then, too.
LATE = "(({}.xmin::text::bigint - %(since)s) & 4294967295) < 2147483648"
MADE = f"SELECT m.oid::bigint FROM pg_catalog.pg_largeobject_metadata m WHERE {LATE.format('m')}"  # noqa: S608
WRITTEN = f"SELECT DISTINCT l.loid::bigint FROM pg_catalog.pg_largeobject l WHERE {LATE.format('l')}"  # noqa: S608


@dataclass(frozen=True)
class Mark:
    """A moment at which both sides had the same large objects, but for those that `changed` names since."""

    here: int  # no transaction below it was still running on the side that is written to
    there: int  # none from here on had begun on the other one

    @classmethod
    def at(cls, old: psycopg.Connection[Any], new: psycopg.Connection[Any]) -> Mark:
        return cls(_transaction(old, "xmin"), _transaction(new, "xmax"))


@dataclass(frozen=True)
class Difference:
    number: int
    kind: str

    def words(self, subscriber: str) -> str:
        if self.kind == MISSING:
            return f"large object {self.number} is missing on the {subscriber}"
        if self.kind == EXTRA:
            return f"large object {self.number} is on the {subscriber} only"
        return f"large object {self.number} differs"


def _transaction(session: psycopg.Connection[Any], edge: str) -> int:
    query = {
        "xmin": "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
        "xmax": "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
    }[edge]
    row = session.execute(query).fetchone()
    assert row
    return int(row[0])


def readable(session: psycopg.Connection[Any]) -> bool:
    """May this login see which pages were written when? On a managed server it may not."""
    row = session.execute("SELECT has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')").fetchone()
    return bool(row and row[0])


def changed(session: psycopg.Connection[Any], since: int) -> set[int]:
    """Those made since, or given away; where `readable`, also those written to. What is gone leaves no trace."""
    found = {row[0] for row in session.execute(MADE, {"since": since})}
    if readable(session):
        found |= {row[0] for row in session.execute(WRITTEN, {"since": since})}
    return found


def suspects(old: psycopg.Connection[Any], new: psycopg.Connection[Any], since: Mark | None) -> set[int] | None:
    """What may differ by now; None for all, where nothing tells."""
    if since is None or not readable(old):
        return None
    return changed(old, since.here) | changed(new, since.there)


def compare(
    old: psycopg.Connection[Any],
    new: psycopg.Connection[Any],
    only: Collection[int] | None = None,
    between: Callable[[], object] = lambda: None,
) -> Iterator[Difference]:
    """Which ones are missing, extra or, of `only`, have other content. A few at a time, whatever their number."""
    with ThreadPoolExecutor(1) as helper:
        for here, there in numbers(old, new):
            both = here & there if only is None else (here & there).intersection(only)
            beside = helper.submit(_digests, new, both)
            mine = _digests(old, both)
            other = beside.result()
            found = [Difference(number, MISSING) for number in here - there]
            found += [Difference(number, EXTRA) for number in there - here]
            found += [Difference(number, DIFFERS) for number in both if mine.get(number) != other.get(number)]
            yield from sorted(found, key=lambda one: one.number)
            between()


def numbers(old: psycopg.Connection[Any], new: psycopg.Connection[Any]) -> Iterator[tuple[set[int], set[int]]]:
    """Those of both sides, in portions with the same bounds."""
    after = 0
    while True:
        pages = [[row[0] for row in session.execute(NUMBERS, (after, AT_ONCE))] for session in (old, new)]
        if not any(pages):
            return
        full = [page[-1] for page in pages if len(page) == AT_ONCE]
        after = min(full) if full else max(page[-1] for page in pages if page)
        here, there = ({number for number in page if number <= after} for page in pages)
        yield here, there


def _digests(session: psycopg.Connection[Any], some: Collection[int]) -> dict[int, str]:
    """Without those that are gone meanwhile."""
    if not some:
        return {}
    try:
        return dict(session.execute(DIGESTS, (sorted(some),)).fetchall())
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationError(
            f"{session.info.host}:{session.info.port}/{session.info.dbname}: {error.diag.message_primary}; nothing can be proved of it."
            f" Mend: GRANT SELECT ON LARGE OBJECT <number> TO {session.info.user}, or make that login a member of its owner"
        ) from None
