"""Large objects: no replication carries them. They are copied and compared while users work; what changed since, while nobody writes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import object_digests
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.object_digests import (
    DIFFERS,
    EXTRA,
    Difference,
    Mark,
)

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

ENTRY = "large_objects"  # of the journal: the last mark, and of which direction
COUNT = "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata"
SIZE = "SELECT coalesce(pg_total_relation_size('pg_catalog.pg_largeobject'), 0)"
OWNERS = "SELECT oid::bigint, pg_get_userbyid(lomowner) FROM pg_catalog.pg_largeobject_metadata WHERE oid = ANY (%s::bigint[]::oid[])"
DROP = "SELECT lo_unlink(oid) FROM (SELECT oid FROM pg_catalog.pg_largeobject_metadata LIMIT %s) m"
RIGHTS = """
SELECT coalesce(quote_ident(r.rolname), 'PUBLIC'), x.privilege_type, x.is_grantable FROM pg_catalog.pg_largeobject_metadata m
CROSS JOIN LATERAL aclexplode(m.lomacl) x LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee WHERE m.oid = %s AND x.grantee <> m.lomowner
"""
WRITE = 0x20000  # of lo_open
SCAN = 16  # how many times faster a byte is looked through on both sides for what was written since than it is forecast to be compared
Passed = Callable[[int], object]


@dataclass(frozen=True)
class Carried:
    """What came of it."""

    changed: int  # copied or dropped
    unequal: tuple[Difference, ...]  # still, after it: changed while it was copied, or not to be copied
    mark: Mark | None  # None: not everything that is unequal would be found from it


@dataclass(frozen=True)
class Proof:
    """What an online comparison found."""

    faults: tuple[Difference, ...]
    later: tuple[Difference, ...]  # changed since it was copied, or nothing tells
    mark: Mark | None


def any_on(session: psycopg.Connection[Any]) -> bool:
    row = session.execute(COUNT).fetchone()
    return bool(row and row[0])


def size(session: psycopg.Connection[Any]) -> int:
    row = session.execute(SIZE).fetchone()
    return int(row[0]) if row and any_on(session) else 0


def frozen_size(session: psycopg.Connection[Any]) -> int:
    """Bytes whose comparison takes as long as what the freeze does with them: by then they are copied, and few changed since."""
    return size(session) // SCAN if object_digests.readable(session) else size(session)


def noted(mark: Mark | None, direction: str) -> dict[str, Any] | None:
    return {"direction": direction, **asdict(mark)} if mark else None


def known(entry: dict[str, Any] | None, direction: str) -> Mark | None:
    """The mark in the journal, where it is of this direction."""
    return Mark(entry["here"], entry["there"]) if entry and entry["direction"] == direction else None


def carry(
    old: psycopg.Connection[Any],
    new: psycopg.Connection[Any],
    since: Mark | None = None,
    passed: Passed = lambda size: None,
) -> Carried:
    """Make the new side's large objects those of the old side, and compare again what was made."""
    here = Mark.at(old, new).here
    suspects = object_digests.suspects(old, new, since)
    touched: set[int] = set()
    roles = {row[0] for row in new.execute("SELECT rolname FROM pg_catalog.pg_roles")}
    for one in object_digests.compare(old, new, suspects):
        touched.add(one.number)
        # Gone on the old side since it was looked at: the comparison below says so.
        with contextlib.suppress(psycopg.errors.UndefinedObject), new.transaction():
            if one.kind == EXTRA:
                new.execute("SELECT lo_unlink(%s)", (one.number,))
                continue
            _copy(old, new, one, passed)
            _grant(old, new, one.number, roles)
    _owners(old, new, None if suspects is None else suspects | touched, roles)
    unequal = tuple(object_digests.compare(old, new, touched)) if touched else ()
    late = object_digests.changed(old, here) if unequal else set()
    # One that is on one side only is seen by its number alone, whatever the mark is.
    complete = all(one.kind != DIFFERS or one.number in late for one in unequal)
    there = Mark.at(old, new).there
    return Carried(len(touched), unequal, Mark(here, there) if complete else None)


def prove(
    old: psycopg.Connection[Any],
    new: psycopg.Connection[Any],
    since: Mark | None,
    between: Callable[[], object] = lambda: None,
) -> Proof:
    """Compare all of them while users work. A fault is what differs and was not changed since it was the same."""
    fresh = Mark.at(old, new)
    found = tuple(object_digests.compare(old, new, None, between))
    if not found or since is None:
        return Proof((), found, None if found else fresh)
    telling = object_digests.readable(old)
    here, there = object_digests.changed(old, since.here), object_digests.changed(new, since.there)

    def natural(one: Difference) -> bool:
        if one.kind == EXTRA:  # there at the mark, and dropped since on the old side; nobody makes one on the new side
            return one.number not in there
        return one.number in here or (one.kind == DIFFERS and not telling)

    faults = {one for one in found if not natural(one)}
    if faults:  # one may be gone on both sides by now
        faults &= set(object_digests.compare(old, new, {one.number for one in faults}))
    return Proof(tuple(one for one in found if one in faults), tuple(one for one in found if natural(one)), since)


def drop(session: psycopg.Connection[Any]) -> None:
    """All of them, a few at a time: each one takes a lock until its transaction ends."""
    while session.execute(DROP, (object_digests.AT_ONCE,)).rowcount:
        pass


def notices(proof: Proof) -> list[str]:
    if not proof.later:
        return []
    numbers = ", ".join(str(one.number) for one in proof.later[:5]) + (", ..." if len(proof.later) > 5 else "")
    return [
        f"{len(proof.later)} large objects ({numbers}) changed since they were copied, or nothing tells whether they did:"
        " they are copied by the cutover"
    ]


def words(found: Sequence[Difference], subscriber: str, shown: int = 50) -> list[str]:
    more = [f"{len(found) - shown} more large objects are not the same"] if len(found) > shown else []
    return [one.words(subscriber) for one in found[:shown]] + more


def _copy(old: psycopg.Connection[Any], new: psycopg.Connection[Any], one: Difference, passed: Passed) -> None:
    """In pieces: one object may be larger than memory. One that is there keeps its owner and rights."""
    if one.kind == DIFFERS:
        new.execute("SELECT lo_truncate64(lo_open(%s, %s), 0)", (one.number, WRITE))
    else:
        new.execute("SELECT lo_create(%s)", (one.number,))
    at = 0
    while True:
        row = old.execute("SELECT lo_get(%s, %s, %s)", (one.number, at, object_digests.PIECE)).fetchone()
        piece = bytes(row[0]) if row else b""
        if piece:
            new.execute("SELECT lo_put(%s, %s, %s)", (one.number, at, piece))
        passed(len(piece))
        if len(piece) < object_digests.PIECE:
            return
        at += object_digests.PIECE


def _grant(old: psycopg.Connection[Any], new: psycopg.Connection[Any], number: int, roles: set[str]) -> None:
    for grantee, right, grantable in old.execute(RIGHTS, (number,)).fetchall():
        if grantee != "PUBLIC" and grantee.strip('"') not in roles:
            continue
        option = " WITH GRANT OPTION" if grantable else ""
        new.execute(
            sql.SQL("GRANT {} ON LARGE OBJECT {} TO {}").format(
                sql.SQL(right), sql.Literal(number), sql.SQL(grantee + option)
            )
        )


def _owners(old: psycopg.Connection[Any], new: psycopg.Connection[Any], only: set[int] | None, roles: set[str]) -> None:
    """Give them to whom they belong. A managed server gives to its own roles only."""
    for here, there in object_digests.numbers(old, new):
        both = here & there if only is None else here & there & only
        if not both:
            continue
        before, after = (dict(session.execute(OWNERS, (sorted(both),)).fetchall()) for session in (old, new))
        for number, owner in before.items():
            if owner == after.get(number, owner) or owner not in roles:
                continue
            with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                new.execute(
                    sql.SQL("ALTER LARGE OBJECT {} OWNER TO {}").format(sql.Literal(number), sql.Identifier(owner))
                )
