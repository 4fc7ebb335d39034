"""A source that tells nothing, end to end: a Redis that answers as Dragonfly does (dragonfly.py says in what)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import ReplyError
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
