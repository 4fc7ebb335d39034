"""Large objects are the same by content, and what changed since is found without reading the rest again."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    cutover,
    follow,
    large_objects,
    object_digests,
    verify,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    DifferenceError,
    MigrationError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run as seed

from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import GRANTS, LEDGER, sides

CONTENT = "SELECT oid, encode(sha256(lo_get(oid)), 'hex') FROM pg_largeobject_metadata ORDER BY oid"
# Longer than a piece; one with a hole, which is no page at all on the source; an empty one.
MADE = """
SELECT lo_from_bytea(700001, decode(repeat('ab', 3000000), 'hex')), lo_from_bytea(700002, 'short'), lo_create(700003);
SELECT lo_create(700004), lo_put(700004, 1500000, 'far behind'), lo_from_bytea(700005, 'to go'), lo_from_bytea(700006, 'to be shortened')
"""


@pytest.fixture
def seeded(move: Move) -> Move:
    move.on_source(MADE)
    move.on_source("ALTER LARGE OBJECT 700003 OWNER TO shopper")
    move.on_source(LEDGER)
    move.on_source(GRANTS)
    move(seed.run)
    move.on_target(GRANTS)
    return move


@pytest.fixture
def read_again(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Which ones the servers are asked to read."""
    asked: list[int] = []
    digests = object_digests._digests

    def counted(session: Any, some: Any) -> dict[int, str]:
        asked.extend(some)
        return digests(session, some)

    monkeypatch.setattr(object_digests, "_digests", counted)
    return asked


def on_target(move: Move, statement: str) -> None:
    with move.context().target() as session:
        session.execute(psycopg.sql.SQL(statement))


def test_the_seed_brings_them_and_the_cutover_what_changed(seeded: Move, read_again: list[int]) -> None:
    move = seeded
    move.equal(CONTENT)
    move.equal("SELECT pg_get_userbyid(lomowner) FROM pg_largeobject_metadata WHERE oid = 700003")
    move(follow.run)
    move(verify.run.run)
    move.on_source("SELECT lo_put(700001, 2000000, 'changed'), lo_unlink(700005), lo_from_bytea(700007, 'new')")
    move.on_source("SELECT lo_truncate(lo_open(700006, 131072), 3)")
    read_again.clear()
    assert move(cutover.run)["phase"] == "switched"
    assert set(read_again) == {700001, 700006, 700007}
    move.equal(CONTENT)


def test_what_was_altered_on_the_target_is_named(seeded: Move) -> None:
    move = seeded
    move(follow.run)
    # Changes of the users are no fault.
    move.on_source("SELECT lo_put(700001, 0, 'changed'), lo_unlink(700005), lo_from_bytea(700007, 'new')")
    result = move(verify.run.run)
    assert any("3 large objects (700001, 700005, 700007)" in one for one in result["notices"]), result["notices"]
    on_target(move, "SELECT lo_put(700004, 5, 'X'), lo_unlink(700002), lo_from_bytea(700009, 'extra')")
    with pytest.raises(DifferenceError) as caught:
        move(verify.run.run)
    assert caught.value.differences == [
        "large object 700002 is missing on the target",
        "large object 700004 differs",
        "large object 700009 is on the target only",
    ]
    # The cutover looks at what was written on either side since, and mends it.
    assert move(cutover.run)["phase"] == "switched"
    move.equal(CONTENT)


def test_a_copy_that_went_wrong_opens_the_source_again(seeded: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    move = seeded
    move(follow.run)
    move(verify.run.run)
    move.on_source("SELECT lo_put(700002, 0, 'X')")
    monkeypatch.setattr(large_objects, "_copy", lambda *_: None)
    with pytest.raises(DifferenceError, match="large object 700002 differs"):
        move(cutover.run)
    assert sides(move) == (True, False)
    monkeypatch.undo()
    assert move(cutover.run)["phase"] == "switched"
    move.equal(CONTENT)


def test_many_in_portions(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_digests, "AT_ONCE", 7)
    for made in (move.on_source, move.on_target):
        made("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
        made("SELECT lo_from_bytea(800000 + i, i::text::bytea) FROM generate_series(1, 100) i")
    move.on_source("SELECT lo_put(800050, 0, 'X'), lo_from_bytea(700000 + i, 'first') FROM generate_series(1, 20) i")
    move.on_target("SELECT lo_from_bytea(900000 + i, 'last') FROM generate_series(1, 20) i")
    with move.context().source() as old, move.context().target() as new:
        found = list(object_digests.compare(old, new))
    assert [(one.number, one.kind) for one in found] == [
        *((700000 + i, "missing") for i in range(1, 21)),
        (800050, "differs"),
        *((900000 + i, "extra") for i in range(1, 21)),
    ]


def test_an_owner_who_is_no_superuser(move: Move) -> None:
    """Nothing tells which of them changed, so all are read; and what may not be read is named."""
    move.on_source("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
    move.on_source("SELECT lo_from_bytea(700001, 'mine'), lo_from_bytea(700002, 'theirs')")
    move.on_source("ALTER LARGE OBJECT 700001 OWNER TO shopper")
    move.on_source("GRANT SELECT ON LARGE OBJECT 700002 TO shopper")
    with move.context().source() as old, move.context().target() as new:
        old.execute("SET SESSION AUTHORIZATION shopper")
        mark = large_objects.carry(old, new).mark
        assert mark
        assert object_digests.suspects(old, new, mark) is None
        move.on_source("SELECT lo_put(700001, 0, 'M')")
        late = large_objects.prove(old, new, mark).later
        assert [one.words("target") for one in late] == ["large object 700001 differs"]
        assert large_objects.carry(old, new, mark).unequal == ()
        move.equal(CONTENT)
        move.on_source("REVOKE SELECT ON LARGE OBJECT 700002 FROM shopper")
        with pytest.raises(MigrationError, match=r"permission denied for large object 700002.*GRANT SELECT"):
            large_objects.carry(old, new, mark)
