"""A source in another encoding than the target: the same text is other bytes there, and still the same text."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, follow, verify
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import DifferenceError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run as seed

from tests.integration.pg_migration.conftest import Move, drop_replication
from tests.integration.pg_migration.moving import GRANTS, LEDGER

WORDS = "chr(192 + i % 60) || chr(233) || i"  # beyond ASCII, and not in the order of any one rule
TABLES = f"""
CREATE TABLE words (word text PRIMARY KEY, note varchar(40), n int);
CREATE TABLE numbered (id int PRIMARY KEY, word text);
CREATE TABLE keyless (word text, n int);
INSERT INTO words SELECT {WORDS}, {WORDS}, i FROM generate_series(1, 3000) i;
INSERT INTO numbered SELECT i, {WORDS} FROM generate_series(1, 3000) i;
INSERT INTO keyless SELECT {WORDS}, i FROM generate_series(1, 500) i
"""  # noqa: S608


@pytest.fixture
def latin(move: Move) -> Move:
    for cluster, encoding, owner in ((move.source, "LATIN1", "postgres"), (move.target, "UTF8", "master")):
        drop_replication(cluster, move.dbname)
        cluster.execute(f"DROP DATABASE {move.dbname} WITH (FORCE)")
        cluster.execute(
            f"CREATE DATABASE {move.dbname} OWNER {owner} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    move.on_source(TABLES)
    move.on_source(LEDGER)
    move.on_source(GRANTS)
    return move


def test_the_same_text_is_equal_and_another_is_found(latin: Move) -> None:
    move = latin
    move(seed.run)
    move.on_target(GRANTS)
    move(follow.run)
    result = move(verify.run.run)
    assert result["report"]["verdict"] == "the same"
    move.on_source(
        "UPDATE words SET note = chr(255) WHERE n = 7; UPDATE words SET word = chr(254) || word WHERE n = 8; DELETE FROM words WHERE n = 9"
    )
    move.on_source("INSERT INTO keyless VALUES (chr(250), 0)")
    move(follow.run)
    with move.context().target() as session:
        session.execute("UPDATE public.numbered SET word = 'another' WHERE id = 5")
    with pytest.raises(DifferenceError, match=r"public.numbered.*id=5.*word"):
        move(verify.run.run)
    with move.context().target() as session:
        session.execute("UPDATE public.words SET note = chr(254) WHERE n = 7")
        session.execute(f"UPDATE public.numbered SET word = (SELECT {WORDS} FROM (VALUES (5)) v(i)) WHERE id = 5")  # noqa: S608
    with pytest.raises(DifferenceError, match=r"public.words.*note") as caught:
        move(verify.run.run)
    assert len(caught.value.differences) == 1
    with move.context().target() as session:
        session.execute("UPDATE public.words SET note = chr(255) WHERE n = 7")
    assert move(verify.run.run)["report"]["verdict"] == "the same"
    move.on_source("UPDATE words SET note = chr(240) WHERE n = 17")
    assert move(cutover.run)["phase"] == "switched"
    move.equal("SELECT word, note FROM words WHERE n = 17")
