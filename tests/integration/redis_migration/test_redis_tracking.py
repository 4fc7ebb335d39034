"""The record of changes ends with the session that asked for it, and silently: that may never be taken for `nothing was changed`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.stores import RedisStore
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import (
    RedisConnectError,
    RedisMoveError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import MARKER
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.passes import Approach
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.run import (
    CUTOVER,
    ROLLBACK,
    Move,
    migrate,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.tracking import Follower
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.way_back import WayBack
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link

from tests.integration.redis_migration.test_redis_cutover import OPTIONS, closing, cut_over, make
from tests.integration.redis_servers import Proxy, RedisServer, make_server


def kill_tracking(server: RedisServer) -> None:
    """End the session that owns the tracking, and nothing else."""
    with server.admin() as link:
        rows = [
            dict(word.partition("=")[::2] for word in row.split())
            for row in link.call("CLIENT", "LIST").decode().splitlines()
        ]
        owners = [row["id"] for row in rows if "t" in row["flags"]]
        assert len(owners) == 1, rows
        assert link.call("CLIENT", "KILL", "ID", owners[0]) == 1


def wait_until_a_quiet_session_is_ended(server: RedisServer) -> None:
    with contextlib.suppress(RedisConnectError):
        Link(server.endpoint(), timeout=20).read()


@pytest.fixture
def impatient(root: Path) -> Iterator[RedisServer]:
    with make_server(root, "source", extra=("timeout 1",)) as server:
        yield server


def test_quiet_sessions_outlive_the_timeout_of_a_server(impatient: RedisServer, new: RedisServer) -> None:
    new.do("HSET", MARKER, "id", "test")
    impatient.do("SET", "in-db-2", "before", db=2)
    leg, follower = Leg(impatient.endpoint(), new.endpoint(), OPTIONS), Follower(impatient.endpoint())
    approach = Approach(leg, follower)
    try:
        approach.online(compare=False)
        assert approach.proved
        wait_until_a_quiet_session_is_ended(impatient)
        impatient.do("SET", "late", "v")
        impatient.do("SET", "in-db-2", "after", db=2)
        assert follower.take() == {b"late", b"in-db-2"}
        assert not follower.lost
        leg.move_keys([b"late", b"in-db-2"])
        assert (new.do("GET", "late"), new.do("GET", "in-db-2", db=2)) == (b"v", b"after")
    finally:
        follower.stop()
        leg.close()


@pytest.mark.full
def test_a_record_that_ended_is_known_as_lost(old: RedisServer) -> None:
    follower = Follower(old.endpoint())
    assert follower.start()
    kill_tracking(old)
    old.do("SET", "late", "v")
    assert follower.take() == set()
    assert follower.lost
    follower.stop()


def test_a_cutover_whose_record_ended_carries_everything_over(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path
) -> None:
    old.do("SET", "early", "v")
    with closing(make(old, new, proxy, tmp_path)) as one:
        one.prepare()
        kill_tracking(old)
        old.do("SET", "early", "w")
        old.do("SET", "late", "v")
        one.freeze()
        assert one.settle() == []
        one.switch()
        one.open()
    assert (new.do("GET", "early"), new.do("GET", "late")) == (b"w", b"v")


@pytest.mark.full
def test_a_way_back_whose_record_ended_carries_everything_back(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path
) -> None:
    with closing(make(old, new, proxy, tmp_path)) as one:
        cut_over(one)
    with closing(make(old, new, proxy, tmp_path)) as again:
        again._lock()
        back = WayBack(again.source, again.target, OPTIONS, again.journal, again.proxy)
        back.prepare()
        kill_tracking(new)
        new.do("SET", "made-there", "v")
        back.freeze()
        assert back.settle() == []
        back.open()
    assert old.do("GET", "made-there") == b"v"


def test_entries_of_a_stream_that_nobody_wrote_to_are_not_read_in_the_freeze(
    old: RedisServer, new: RedisServer
) -> None:
    """Readers change groups without a message; all of that arrives, and the entries stay where they are."""
    with old.admin() as link:
        link.ask([("XADD", "events", f"{n}-0", "body", "z" * 50) for n in range(1, 5001)])
        for group in ("read-on", "to-go", "untouched"):
            link.call("XGROUP", "CREATE", "events", group, 0)
        link.call("XREADGROUP", "GROUP", "read-on", "anna", "COUNT", 10, "STREAMS", "events", ">")
    new.do("HSET", MARKER, "id", "test")
    leg, follower = Leg(old.endpoint(), new.endpoint(), OPTIONS), Follower(old.endpoint())
    approach = Approach(leg, follower)
    try:
        approach.online(compare=False)
        assert approach.proved
        with old.admin() as link:
            link.call("XREADGROUP", "GROUP", "read-on", "bert", "COUNT", 5, "STREAMS", "events", ">")
            link.call("XACK", "events", "read-on", "1-0", "2-0")
            link.call("XGROUP", "DESTROY", "events", "to-go")
            link.call("XGROUP", "CREATE", "events", "made", "7-0")
        follower.take()  # some of these are told; what is not must be found all the same
        for server in (old, new):
            server.do("CONFIG", "RESETSTAT")
        assert approach.frozen() == []
        for server in (old, new):
            with server.admin() as link:
                asked = link.call("INFO", "commandstats")
            assert b"cmdstat_dump:" not in asked
            assert b"cmdstat_xadd:" not in asked
        assert leg.all_differences() == []
        assert new.do("XLEN", "events") == 5000
    finally:
        follower.stop()
        leg.close()


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.fewer("True")
def test_check_mode_foresees_what_the_freeze_takes(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path, tells: bool
) -> None:
    if not tells:
        old.do("ACL", "SETUSER", "default", "-client|tracking")
    old.do("SET", "k", "v")
    store = RedisStore(Move(old.endpoint(), new.endpoint(), OPTIONS, tmp_path / "journal", proxy.switch), {})
    seconds, told = store.foresee()
    assert (seconds < 1) == tells
    assert any("goes through all 1 keys" in words for words in told) != tells
    assert new.do("DBSIZE") == 0
    assert b"flags=t" not in old.do("CLIENT", "LIST")  # type: ignore[operator]


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.fewer("True")
def test_the_verb_alone_foresees_its_freeze_and_keeps_to_its_limit(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path, tells: bool
) -> None:
    if not tells:
        old.do("ACL", "SETUSER", "default", "-client|tracking")
    old.do("SET", "k", "v")
    options = replace(OPTIONS, freeze_limit=0.201)  # below what going through anything takes
    move = Move(old.endpoint(), new.endpoint(), options, tmp_path / "journal", proxy.switch)
    foreseen = migrate(move, CUTOVER, True)
    assert foreseen["changed"]
    assert new.do("DBSIZE") == 0
    assert (foreseen["estimate"]["freeze_seconds"] == 0.2) == tells
    assert "the freeze of a cutover about" in foreseen["message"]
    if tells:
        migrate(move, CUTOVER, False)
        assert "the freeze of a rollback about 0.2 s" in migrate(move, ROLLBACK, True)["message"]
        return
    old.do("SETRANGE", "long", 20_000_000, "x")  # so that the pass takes a moment
    with pytest.raises(RedisMoveError, match="nothing was frozen"):
        migrate(move, CUTOVER, False)
    assert old.do("SET", "k", "w") == b"OK"
    assert proxy.switch.active() == "old"
    measured = migrate(move, CUTOVER, True)
    assert any("as this move measured" in words for words in measured["notices"])
