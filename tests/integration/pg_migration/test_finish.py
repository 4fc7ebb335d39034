"""After a move, and after one that was given up, nothing of it is left on the servers."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, finish, follow, rollback

from tests.integration.pg_clusters import Cluster
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import following, sides, started, switched
from tests.waiting import until

LEFT = """
SELECT 'slot ' || slot_name FROM pg_replication_slots
UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
UNION ALL SELECT 'publication ' || pubname FROM pg_publication WHERE pubname LIKE 'platform%'
UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger WHERE evtname LIKE 'platform%'
UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE 'platform%'
UNION ALL SELECT 'identity of ' || oid::regclass FROM pg_class WHERE relkind = 'r' AND relreplident <> 'd' AND oid > 16384
UNION ALL SELECT 'origin ' || roname FROM pg_replication_origin
UNION ALL SELECT 'limit' FROM pg_settings WHERE name = 'max_slot_wal_keep_size' AND setting <> '-1'
"""


@pytest.fixture(autouse=True)
def unlimited(clusters: tuple[Cluster, Cluster]) -> None:
    """Moves of other tests were never finished."""
    clusters[0].execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
    clusters[0].execute("SELECT pg_reload_conf()")
    until(lambda: clusters[0].execute("SHOW max_slot_wal_keep_size") == [("-1",)])


def nothing_left(move: Move) -> None:
    """A setting that is taken back is read a moment later."""
    until(lambda: not left(move), "something is left", seconds=5)


def left(move: Move) -> list[tuple[str]]:
    return move.on_source(LEFT) + move.on_target(LEFT)


@pytest.mark.parametrize("reached", ["seeded", "following", "rehearsed"])
@pytest.mark.fewer("following")
def test_giving_up(move: Move, reached: str) -> None:
    move.on_source("CREATE TABLE public.keyless (a int)")
    started(move)
    if reached != "seeded":
        move(follow.run)
    if reached == "rehearsed":
        move(cutover.run, rehearse=True)
    assert move(finish.run, check=True)["changed"]
    assert left(move)
    result = move(finish.run, clean_target=reached == "following")
    assert result["phase"] == "abandoned"
    nothing_left(move)
    assert not move(finish.run)["changed"]
    tables = move.on_target("SELECT count(*) FROM pg_class WHERE relname = 'ledger'")
    assert tables == [(0 if reached == "following" else 1,)]
    move.on_source("ALTER TABLE public.ledger ADD COLUMN free int")  # the guard is gone
    assert sides(move)[0]


def test_after_a_cutover_the_source_stays_closed(move: Move) -> None:
    switched(move)
    result = move(finish.run)
    assert result["phase"] == "finished"
    nothing_left(move)
    assert sides(move) == (False, True)
    assert any("ALTER ROLE" in one for one in result["notices"])


def test_after_a_rollback(move: Move) -> None:
    switched(move)
    move(rollback.run)
    # Applications are at the source: the move was given up, and another one may follow on a clean target.
    assert move(finish.run, clean_target=True)["phase"] == "abandoned"
    nothing_left(move)
    assert sides(move) == (True, False)
    assert move.on_target("SELECT count(*) FROM pg_class WHERE relname = 'ledger'") == [(0,)]


@pytest.mark.parametrize("gone", ["source", "target"])
@pytest.mark.fewer(1)
def test_without_the_other_server(move: Move, gone: str) -> None:
    if gone == "source":
        switched(move)
    else:
        following(move)
    cluster = move.source if gone == "source" else move.target
    cluster.stop()
    try:
        result = move(finish.run)
        assert result["left"]
        assert all(f"on the {gone}" in one for one in result["left"])
        other = move.target if gone == "source" else move.source
        until(lambda: not other.execute(LEFT, move.dbname), "something is left", seconds=5)
    finally:
        cluster.start()
    result = move(finish.run)
    assert result["left"] == []
    nothing_left(move)
    # A move that was given up leaves two databases that have nothing to do with each other; the target is as open as it was before.
    assert sides(move) == ((False, True) if gone == "source" else (True, True))
