"""A source that tells nothing, end to end: a Redis that answers as Dragonfly does (dragonfly.py says in what)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError, ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import rules
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.run import (
    COPY,
    CUTOVER,
    FINISH,
    PREFLIGHT,
    ROLLBACK,
    Move,
    migrate,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.server import dump_version, read_server
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.tracking import Follower
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link

from tests.integration.redis_migration.data import mixed, traps
from tests.integration.redis_migration.dragonfly import persona
from tests.integration.redis_migration.test_redis_cutover import (  # noqa: F401 - writers is a fixture
    OPTIONS,
    Writers,
    grows,
    nothing_lost,
    writers,
)
from tests.integration.redis_servers import Proxy, RedisServer


@pytest.fixture
def old(pair: tuple[RedisServer, RedisServer]) -> Iterator[RedisServer]:
    """In place of the Redis that other tests move from."""
    pair[0].reset()
    with persona(pair[0].port) as port:
        yield replace(pair[0], port=port)


@pytest.fixture
def move(old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path) -> Move:
    return Move(old.endpoint(), new.endpoint(), replace(OPTIONS, share_token=True), tmp_path / "journal", proxy.switch)


@pytest.mark.parametrize(
    "command",
    [
        ("PSYNC", "?", -1),
        ("CLIENT", "TRACKING", "ON", "BCAST"),
        ("CLIENT", "KILL", "TYPE", "normal"),
        ("CONFIG", "SET", "notify-keyspace-events", "KEA"),
        ("ACL", "SETUSER", "default", "clearselectors"),
    ],
    ids=lambda command: " ".join(map(str, command[:2])),
)
def test_the_persona_refuses_what_dragonfly_does_not_have(old: RedisServer, command: tuple[str, ...]) -> None:
    with pytest.raises(ReplyError):
        old.do(*command)


def test_the_persona_dumps_as_dragonfly_does(old: RedisServer, new: RedisServer) -> None:
    with old.admin() as link:
        server = read_server(link)
        assert (server.product, server.version[:2]) == ("dragonfly", (1, 34))
        assert server.run_id
        link.ask([("RPUSH", "list", *range(500)), ("XADD", "stream", "1-0", "k", "v")])
        listed, stream = link.call("DUMP", "list"), link.call("DUMP", "stream")
    assert dump_version(listed) == dump_version(stream) == 9
    assert new.do("RESTORE", "list", 0, listed) == b"OK"  # the checksum is right
    with pytest.raises(ReplyError, match="Bad data format"):
        new.do("RESTORE", "stream", 0, stream)
    assert not Follower(old.endpoint()).start()


@pytest.mark.parametrize(
    "command",
    [("SADDEX", "cart:7", 60, "m", "n"), ("FIELDEXPIRE", "cart:7", 60, "f")],
    ids=["a-set", "a-hash"],
)
@pytest.mark.parametrize("many", [1, 3000], ids=["small", "big"])
@pytest.mark.fewer("small-a-set", "big-a-hash")
def test_a_key_whose_members_end_stops_the_copy_by_its_name(
    old: RedisServer, new: RedisServer, move: Move, command: tuple[str | int, ...], many: int
) -> None:
    """Redis does not know these ends, and commands would carry the members over without them."""
    more = [f"{n}-{'x' * 20}" for n in range(many)]
    if command[0] == "SADDEX":
        old.do(*command, *more)
    else:
        old.do("HSET", command[1], "f", "v", *[part for name in more for part in (name, "v")])
        assert old.do(*command) == [1]
    old.do("SADD", "tags", "a", "b")
    move.options = replace(move.options, big_bytes=50_000)
    if many == 1:
        told = migrate(move, PREFLIGHT, False)
        assert any("have expiries of their own: cart:7" in notice for notice in told["notices"])
    with pytest.raises(RedisMoveError, match="key cart:7: its members have expiries of their own"):
        migrate(move, COPY, False)
    assert new.do("EXISTS", "cart:7") == 0
    move.options = replace(move.options, rules=rules([{"keys": "cart:*", "kind": "cache"}], copy_cache=False))
    migrate(move, COPY, False)
    assert new.do("SCARD", "tags") == 2


def test_a_dragonfly_that_takes_no_payload_of_redis_gets_everything_by_commands(
    pair: tuple[RedisServer, RedisServer], new: RedisServer
) -> None:
    """The way back to one that knows version 9 only: it refuses each payload, and nothing tells that beforehand."""
    pair[0].reset()
    with new.admin() as link:
        traps(link)
        link.ask(mixed(1500))
    with persona(pair[0].port, takes=9) as port:
        old = replace(pair[0], port=port)
        with new.admin() as link:
            payload = link.call("DUMP", "list")
        with pytest.raises(ReplyError, match="DUMP payload version or checksum are wrong"):
            old.do("RESTORE", "list", 0, payload)
        with contextlib.closing(Leg(new.endpoint(), old.endpoint(), OPTIONS)) as leg:
            leg.full_pass(compare=True)
            assert leg.tally.rebuilt > 1500
            assert leg.all_differences() == []


def test_a_move_from_a_dragonfly_and_back(
    old: RedisServer,
    new: RedisServer,
    proxy: Proxy,
    move: Move,
    writers: Writers,  # noqa: F811
) -> None:
    with old.admin() as link:
        traps(link)
        link.ask(mixed(1500))
    told = migrate(move, PREFLIGHT, False)
    assert "from dragonfly 1.34.2" in told["message"]
    migrate(move, COPY, False)
    foreseen = migrate(move, CUTOVER, True)
    assert any("does not tell changed keys" in words for words in foreseen["notices"])
    grows(old)
    held = migrate(move, CUTOVER, False)
    assert not any("could not be ended" in words for words in move.notices)
    grows(new)
    with Link(old.endpoint()) as link, pytest.raises(ReplyError, match="NOPERM"):
        link.call("SET", "late", 1)
    back = migrate(move, ROLLBACK, False)
    grows(old)
    longest = nothing_lost(writers.end(), old)
    steps = held["report"]["seconds"]
    taken = max(
        sum(steps[step] for step in ("freeze", "settle", "switch", "open")),
        back["report"]["seconds"]["roll_back_freeze"],
    )
    print(f"longest wait {longest:.2f} s, foreseen {foreseen['estimate']['freeze_seconds']:.2f} s, taken {taken:.2f} s")
    assert longest < taken + 1.5
    assert proxy.switch.active() == "old"
    move.clean_target = True
    assert migrate(move, FINISH, False)["message"].startswith("given up")
