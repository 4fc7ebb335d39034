"""Big keys that are no streams: the freeze reads those that were written to since the last pass, each once, and writes what changed."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.passes import Approach
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.pieces import Pieces
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.run import CUTOVER, Move, migrate
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Command, Link

from tests.integration.redis_migration.proving import OPTIONS, settled, traffic
from tests.integration.redis_servers import Proxy, RedisServer

KEY, BODY = b"big", "z" * 100

# How a key of so many parts is made, and what changes a little of it.
KINDS: dict[str, tuple[Callable[[int], Command], list[Command]]] = {
    "list-as-queue": (
        lambda n: ("RPUSH", KEY, *[f"{i}-{BODY}" for i in range(n)]),
        [("RPUSH", KEY, "new-1", "new-2"), ("LPOP", KEY, 30)],
    ),
    "list-as-capped-log": (
        lambda n: ("RPUSH", KEY, *[f"{i}-{BODY}" for i in range(n)]),
        [("LPUSH", KEY, *[f"new-{i}" for i in range(30)]), ("LTRIM", KEY, 0, -10)],
    ),
    "list-as-stack": (
        lambda n: ("RPUSH", KEY, *[f"{i}-{BODY}" for i in range(n)]),
        [("LPOP", KEY, 30), ("LPUSH", KEY, *[f"new-{i}" for i in range(50)]), ("LSET", KEY, 500, "set")],
    ),
    "set": (
        lambda n: ("SADD", KEY, *[f"{i}-{BODY}" for i in range(n)]),
        [("SADD", KEY, "new"), ("SREM", KEY, f"7-{BODY}", f"8-{BODY}")],
    ),
    "hash": (
        lambda n: ("HSET", KEY, *[part for i in range(n) for part in (f"f{i}", f"{i}-{BODY}")]),
        [("HSET", KEY, "new", "v", "f5", "other"), ("HDEL", KEY, "f7", "f8")],
    ),
    "zset": (
        lambda n: ("ZADD", KEY, *[part for i in range(n) for part in (i, f"{i}-{BODY}")]),
        [("ZADD", KEY, 1, "new", 0.1, f"5-{BODY}"), ("ZREM", KEY, f"7-{BODY}", f"8-{BODY}")],
    ),
    "string": (
        lambda n: ("SET", KEY, "".join(f"{i}-{BODY}" for i in range(n))),
        [("APPEND", KEY, "new"), ("SETBIT", KEY, 5000, 1)],
    ),
}
kinds = pytest.mark.parametrize(("make", "changes"), KINDS.values(), ids=KINDS)


def received(server: RedisServer) -> int:
    """Bytes that a server was sent until now."""
    text = server.do("INFO", "stats").decode()  # type: ignore[attr-defined]
    return int(text.split("total_net_input_bytes:")[1].split()[0])


@kinds
@pytest.mark.fewer("list-as-queue", "hash")
def test_one_that_rests_since_the_last_pass_is_not_read_whatever_its_size(
    old: RedisServer,
    new: RedisServer,
    approach: Callable[[], Approach],
    make: Callable[[int], Command],
    changes: list[Command],
) -> None:
    taken = []
    for length in (1_000, 10_000):
        for server in (old, new):
            server.do("DEL", KEY)
        old.do(*make(length))
        one = approach()
        for change in changes:
            old.do(*change)
        one.again()  # as right before the freeze
        assert not one.hot
        taken.append(settled(one, old, new))
    assert taken[1] < 1.3 * taken[0] + 5000, taken


@kinds
@pytest.mark.fewer("list-as-queue", "hash")
def test_one_that_is_written_to_until_the_freeze_is_read_once_on_both_sides(
    old: RedisServer,
    new: RedisServer,
    approach: Callable[[], Approach],
    make: Callable[[int], Command],
    changes: list[Command],
) -> None:
    """What the target is sent is no more than a comparison asks, and two pieces that changed."""
    old.do(*make(10_000))
    one = approach()
    asked = received(new)
    assert one.leg.all_differences() == []
    questions = received(new) - asked
    for change in changes:
        old.do(*change)
    asked = received(new)
    before = traffic(old, new)
    assert one.frozen() == []
    taken, sent = traffic(old, new) - before, received(new) - asked
    assert one.leg.all_differences() == []
    assert taken < 3.7 * 10_000 * len(BODY), taken
    assert sent < questions + 2 * OPTIONS.big_bytes + 20_000, (sent, questions)


def test_any_list_arrives_whatever_was_done_to_it(
    old: RedisServer, new: RedisServer, approach: Callable[[], Approach]
) -> None:
    """Few different elements, so that guesses about its ends go wrong."""
    dice = random.Random(5)  # noqa: S311 - the same lists each time
    one = approach()
    transfer = one.leg._transfer(0)
    for _ in range(60):
        for _ in range(dice.randint(1, 6)):
            some = [f"{dice.randint(0, 3)}" for _ in range(dice.randint(1, 80))]
            length = max(1, int(old.do("LLEN", KEY)))  # type: ignore[call-overload]
            place = dice.randrange(length)
            command: Command = dice.choice(
                [
                    ("RPUSH", KEY, *some),
                    ("LPUSH", KEY, *some),
                    ("LPOP", KEY, len(some)),
                    ("RPOP", KEY, len(some)),
                    ("LTRIM", KEY, 0, max(0, length - 20)),
                    ("LREM", KEY, 3, some[0]),
                    ("LINSERT", KEY, "AFTER", some[0], "inserted"),
                    ("LSET", KEY, place, "set"),
                ]
            )
            with old.admin() as link:
                link.ask([command])
        if not old.do("EXISTS", KEY):
            continue
        transfer.pieces.sync(KEY, b"list", 16 * int(old.do("LLEN", KEY)), mend=True)  # type: ignore[call-overload]
        assert transfer.pieces.left == ""
        assert new.do("LRANGE", KEY, 0, -1) == old.do("LRANGE", KEY, 0, -1)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("list-as-queue", ("LSET", KEY, 500, "other")),
        ("list-as-queue", ("RPUSH", KEY, "new")),
        ("set", ("SADD", KEY, "new")),
        ("hash", ("HSET", KEY, "f5", "other")),
        ("zset", ("ZADD", KEY, 0.1, f"5-{BODY}")),
        ("string", ("SETBIT", KEY, 5000, 1)),
    ],
)
@pytest.mark.fewer(2)
def test_what_the_target_does_not_keep_is_found(
    old: RedisServer,
    new: RedisServer,
    approach: Callable[[], Approach],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    change: Command,
) -> None:
    """What is mended is read back, also where no length tells."""
    old.do(*KINDS[kind][0](1_000))
    one = approach()
    old.do(*change)
    transfer = one.leg._transfer(0)
    monkeypatch.setattr(Pieces, "_write", lambda *_: None)
    transfer.pieces = Pieces(transfer.here.link, transfer.there.link, OPTIONS.big_bytes)
    assert [row.key for row in one.frozen()] == [KEY]
    assert transfer.pieces.left


@contextlib.contextmanager
def busy(server: RedisServer) -> Iterator[None]:
    """A big hash and a stream that never rest."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        with Link(server.endpoint()) as link:
            while not stop.is_set():
                number += 1
                link.call("HSET", KEY, f"f{number % 1000}", number, f"new{number}", number)
                link.call("XADD", "events", "*", "body", BODY)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()


def test_keys_that_never_rest_are_named_with_their_cost_and_arrive(
    old: RedisServer, new: RedisServer, approach: Callable[[], Approach]
) -> None:
    old.do(*KINDS["hash"][0](20_000))
    old.do("RPUSH", "resting", *[BODY] * 2000)
    old.do("XADD", "events", "1-0", "body", BODY)
    with busy(old):
        one = approach()
        told: list[str] = []
        one.say = told.append
        one.again()
        seconds = one.predict()
    assert one.hot.keys() == {KEY}
    assert seconds > one.hot[KEY].seconds > 0
    assert any("read whole in the freeze, 1 of them: big (" in words for words in told)
    settled(one, old, new)


def test_check_mode_names_keys_that_never_rest(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path
) -> None:
    old.do(*KINDS["hash"][0](5_000))
    old.do("SET", "resting", "v" * 100_000)
    move = Move(old.endpoint(), new.endpoint(), OPTIONS, tmp_path / "journal", proxy.switch)
    resting = migrate(move, CUTOVER, True)
    with busy(old):
        foreseen = migrate(move, CUTOVER, True)
    assert not any("read whole" in words for words in resting["notices"])
    told = [words for words in foreseen["notices"] if "read whole in the freeze, 1 of them: big (" in words]
    assert len(told) == 1
    assert "resting" not in told[0]
    assert foreseen["estimate"]["freeze_seconds"] > resting["estimate"]["freeze_seconds"]
