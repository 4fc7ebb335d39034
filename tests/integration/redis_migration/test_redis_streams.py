"""A stream that is written to all the time: the freeze costs what was appended, whatever its length, and proves what it has not read."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.passes import Approach
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link

from tests.integration.redis_migration.proving import settled
from tests.integration.redis_servers import RedisServer

BODY = "z" * 100


def append(server: RedisServer, first: int, last: int, *more: str | int, key: str = "events") -> None:
    with server.admin() as link:
        link.ask([("XADD", key, *more, f"{n}-0", "body", BODY) for n in range(first, last + 1)])


def test_the_freeze_does_not_grow_with_the_length_of_a_stream(
    old: RedisServer, new: RedisServer, approach: Callable[[], Approach]
) -> None:
    taken = []
    for length in (2_000, 20_000):
        for server in (old, new):
            server.do("DEL", "events")
        append(old, 1, length)
        old.do("XGROUP", "CREATE", "events", "workers", "0")
        one = approach()
        append(old, length + 1, length + 100)
        old.do("XREADGROUP", "GROUP", "workers", "anna", "COUNT", 5, "STREAMS", "events", ">")
        old.do("EXPIRE", "events", 3600)
        taken.append(settled(one, old, new))
        assert new.do("XLEN", "events") == length + 100
        assert new.do("TTL", "events") > 3000  # type: ignore[operator]
    assert taken[1] < 1.3 * taken[0], taken


def test_the_readers_of_many_streams_are_looked_at_in_a_few_flights(
    old: RedisServer, new: RedisServer, approach: Callable[[], Approach], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way to the server counts in a freeze, and each stream has its groups, consumers and what is pending."""
    keys = [f"queue:{number}" for number in range(300)]
    with old.admin() as link:
        for command in (("XADD", "1-0", "k", "v"), ("XGROUP", "CREATE", "g", "0")):
            where = 2 if command[0] == "XGROUP" else 1
            link.ask([(*command[:where], key, *command[where:]) for key in keys])
    one = approach()
    for key in keys[10:13]:  # not told as a change
        old.do("XREADGROUP", "GROUP", "g", "anna", "STREAMS", key, ">")
    sent: list[int] = []
    send = Link.send
    monkeypatch.setattr(Link, "send", lambda link, commands: (sent.append(len(commands)), send(link, commands)))
    assert one.frozen() == []
    assert len(sent) < 120, len(sent)
    monkeypatch.undo()
    assert one.leg.all_differences() == []
    assert [len(new.do("XPENDING", key, "g", "-", "+", 9)) for key in keys[9:14]] == [0, 1, 1, 1, 0]  # type: ignore[arg-type]


@pytest.mark.full
def test_a_capped_stream_loses_its_front_by_the_same_way(
    old: RedisServer, new: RedisServer, approach: Callable[[], Approach]
) -> None:
    append(old, 1, 3000)
    old.do("XDEL", "events", "2500-0")
    one = approach()
    append(old, 3001, 3100, "MAXLEN", "=", 2000)
    old.do("XDEL", "events", old.do("XRANGE", "events", "-", "+", "COUNT", 1)[0][0])  # type: ignore[index]
    for server in (old, new):
        server.do("CONFIG", "RESETSTAT")
    settled(one, old, new)
    assert b"cmdstat_xadd:calls=100," in new.do("INFO", "commandstats")  # type: ignore[operator]


def made_again(old: RedisServer) -> None:
    old.do("DEL", "events")
    with old.admin() as link:
        link.ask([("XADD", "events", f"{n}-0", "body", "other".ljust(100)) for n in range(1, 3101)])


@pytest.mark.parametrize(
    "change",
    [
        lambda old: old.do("XDEL", "events", "1500-0"),
        lambda old: old.do("XTRIM", "events", "MAXLEN", 0),
        lambda old: old.do("DEL", "events"),
        lambda old: old.do("RENAME", "other", "events"),
        lambda old: old.do("SET", "events", "v" * 100_000),
        lambda old: old.do("SET", "events", "v"),
        made_again,
    ],
    ids=["one-taken-out", "used-up", "gone", "another-in-its-place", "a-big-string", "a-string", "same-ids"],
)
@pytest.mark.fewer("one-taken-out", "same-ids")
def test_a_stream_that_did_more_than_grow_arrives_all_the_same(
    old: RedisServer, new: RedisServer, approach: Callable[[], Approach], change: Callable[[RedisServer], object]
) -> None:
    append(old, 1, 3000)
    append(old, 1000, 4000, key="other")
    one = approach()
    append(old, 3001, 3100)
    change(old)
    settled(one, old, new)


def test_an_altered_entry_is_found_and_mended_before_the_freeze(
    old: RedisServer, new: RedisServer, approach: Callable[[], Approach]
) -> None:
    """Its stream is written to all the time, so the whole of it is never equal; every entry that both have is compared."""
    append(old, 1, 3000)
    append(new, 1, 1499)
    new.do("XADD", "events", "1500-0", "body", "altered")
    append(new, 1501, 3000)
    stop = threading.Event()

    def write() -> None:
        number = 3001
        while not stop.wait(0.001):
            append(old, number, number + 9, "MAXLEN", "~", "4000")
            number += 10

    writer = threading.Thread(target=write)
    writer.start()
    try:
        one = approach()
        assert b"events" in one.streams
    finally:
        stop.set()
        writer.join()
    settled(one, old, new)
    assert new.do("XRANGE", "events", "1500-0", "1500-0") in ([], [[b"1500-0", [b"body", BODY.encode()]]])
