"""Copy of 100k mixed keys: the collection against key by key, against `redis-cli --pipe`, between two servers of our own; and the freeze."""

from __future__ import annotations

import contextlib
import functools
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import MARKER, Options
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.participant import RedisParticipant
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import encode

from tests.integration.redis_migration.data import mixed
from tests.integration.redis_servers import RedisServer, make_root, make_server, other_server

KEYS = 100_000
STREAM = 1_000_000  # entries of the large stream
STREAMS = 2_000  # with a group, a consumer and a pending entry each
CHANGED = 2_000  # keys, or entries appended, between the online proof and the freeze
GROWS = (
    "A source that tells changed keys is not frozen longer for more keys, nor for a longer stream. Other big keys (above 1 MiB) that are written to"
    " all the time are read whole on both sides. A source that tells nothing (Dragonfly) is gone through and compared whole."
)
Change = Callable[[RedisServer], None]
SAMPLE = 10_000  # key by key takes long; its time is that of the sample times ten


def key_by_key(old: RedisServer, new: RedisServer) -> float:
    """What a loop over keys does: a question, an answer, the next."""
    with old.admin() as here, new.admin() as there:
        _, keys = here.call("SCAN", 0, "COUNT", SAMPLE)
        began = time.monotonic()
        for key in keys:
            payload, expires = here.call("DUMP", key), here.call("PEXPIRETIME", key)
            there.call("RESTORE", key, max(expires, 0), payload, "REPLACE", "ABSTTL")
        return (time.monotonic() - began) / len(keys) * KEYS


def pipe(old: RedisServer, new: RedisServer) -> float:
    """Read everything in pipelines of 1000 into one stream of RESTORE for `redis-cli --pipe`."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as stream:
        with old.admin() as link:
            cursor = b"0"
            while True:
                cursor, keys = link.call("SCAN", cursor, "COUNT", 1000)
                replies = link.ask([c for key in keys for c in (("DUMP", key), ("PEXPIRETIME", key))])
                rows = zip(keys, replies[::2], replies[1::2], strict=True)
                stream.write(encode([("RESTORE", k, max(e, 0), p, "REPLACE", "ABSTTL") for k, p, e in rows]))
                if cursor == b"0":
                    break
        stream.seek(0)
        subprocess.run(
            [
                "redis-cli",
                "-h",
                "localhost",
                "-p",
                str(new.port),
                "--user",
                "admin",
                "--tls",
                "--cacert",
                new.ca_file,
                "--pipe",
            ],
            stdin=stream,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"REDISCLI_AUTH": "admin"},
            check=True,
        )
    return time.monotonic() - began


def ours(old: RedisServer, new: RedisServer, again: bool = False) -> float:
    leg = Leg(old.endpoint(), new.endpoint(), Options())
    began = time.monotonic()
    leg.full_pass(compare=again)
    seconds = time.monotonic() - began
    leg.close()
    return seconds


def verify(old: RedisServer, new: RedisServer) -> float:
    leg = Leg(old.endpoint(), new.endpoint(), Options())
    began = time.monotonic()
    if leg.all_differences():
        raise RuntimeError("the copy is not equal")
    seconds = time.monotonic() - began
    leg.close()
    return seconds


class NoProxy:
    """The freeze is measured without clients, whose reconnecting is measured by the tests."""

    def activate(self, side: str) -> None:
        pass

    def cut(self, side: str) -> None:
        pass


def freeze(
    old: RedisServer, new: RedisServer, fill: Callable[[RedisServer], None], change: Change, tells: bool
) -> float:
    """Seconds from the hold of the writers to the opening, with a writer that changed something since the online proof."""
    for server in (old, new):
        server.reset()
    fill(old)
    if not tells:
        old.do("ACL", "SETUSER", "default", "-client|tracking")
    with tempfile.TemporaryDirectory() as folder:
        one = RedisParticipant(old.endpoint(), new.endpoint(), Options(), Path(folder), NoProxy())
        one.prepare()
        change(old)
        one.freeze()
        if one.settle():
            raise RuntimeError("the copy is not equal")
        one.switch()
        seconds = one.waited["freeze"] + one.waited["settle"] + one.waited["switch"]
        one.open()
    return seconds


def _set_seats(server: RedisServer) -> None:
    with server.admin() as link:
        link.ask([("SET", f"seat:{number}", time.time()) for number in range(CHANGED)])


def _append(server: RedisServer, count: int = CHANGED) -> None:
    with server.admin() as link:
        for start in range(0, count, 10_000):
            link.ask([("XADD", "events", "*", "body", "z" * 100) for _ in range(min(10_000, count - start))])


def _streams(server: RedisServer) -> None:
    with server.admin() as link:
        for number in range(STREAMS):
            key = f"queue:{number}"
            link.ask([("XADD", key, "*", "k", "v"), ("XGROUP", "CREATE", key, "g", 0)])
            link.call("XREADGROUP", "GROUP", "g", "worker", "STREAMS", key, ">")


def freezes(old: RedisServer, new: RedisServer) -> dict[str, float]:
    """What is moved -> seconds."""
    found = {}
    for keys in (KEYS // 10, KEYS, 3 * KEYS):
        fill = functools.partial(_fill, keys=keys)
        found[f"{keys} keys, {CHANGED} changed"] = freeze(old, new, fill, _set_seats, tells=True)
    for length in (STREAM // 10, STREAM):
        fill = functools.partial(_append, count=length)
        found[f"a stream of {length} entries, {CHANGED} appended"] = freeze(old, new, fill, _append, tells=True)
    found[f"{STREAMS} streams with readers, none changed"] = freeze(old, new, _streams, lambda server: None, tells=True)
    for keys in (KEYS // 10, KEYS):
        fill = functools.partial(_fill, keys=keys)
        name = f"{keys} keys, {CHANGED} changed, from a source that tells nothing"
        found[name] = freeze(old, new, fill, _set_seats, tells=False)
    return found


def _fresh(old: RedisServer, new: RedisServer, work: Callable[[RedisServer, RedisServer], float]) -> float:
    new.do("FLUSHALL")
    new.do("HSET", MARKER, "id", "benchmark")
    return work(old, new)


def _fill(server: RedisServer, keys: int = 0) -> None:
    with server.admin() as link:
        link.ask(mixed(keys or KEYS))


def report(runs: int) -> str:
    """The section of docs/figures.md."""
    found: dict[str, list[float]] = {}
    with make_root() as root, contextlib.ExitStack() as stack:
        new = stack.enter_context(make_server(root, "target", tls=True))
        old = stack.enter_context(make_server(root, "source"))
        path = other_server("valkey-server")
        valkey = stack.enter_context(make_server(root, "source", binary=path)) if path else None
        for source in filter(None, (old, valkey)):
            _fill(source)
        for _ in range(runs):  # in turn, so that a load of the machine meets all
            for name, work in (
                ("key by key (from 10 000 keys)", key_by_key),
                ("pipelines of 1000 into a file, `redis-cli --pipe`", pipe),
                ("the collection, first pass", ours),
            ):
                found.setdefault(name, []).append(_fresh(old, new, work))
            found.setdefault("the collection, comparison of everything", []).append(verify(old, new))
            found.setdefault("the collection, second pass (nothing changed)", []).append(ours(old, new, again=True))
            if valkey:
                found.setdefault("the collection from Valkey 8, all rebuilt by commands", []).append(
                    _fresh(valkey, new, ours)
                )
        held = freezes(old, new)
    return _table(found, runs, held)


def _table(found: dict[str, list[float]], runs: int, held: dict[str, float]) -> str:
    base = statistics.median(found["key by key (from 10 000 keys)"])
    lines = [
        f"Redis 7.0 without TLS to Redis 7.0 with TLS, {KEYS} mixed keys on the loopback; median of {runs}, sides in turn. Over a network the ratio grows.",
        "",
        "| what | seconds (median, min-max) | times as fast as key by key |",
        "|---|---|---|",
    ]
    for name, seconds in found.items():
        median = statistics.median(seconds)
        lines.append(f"| {name} | {median:.2f} ({min(seconds):.2f}-{max(seconds):.2f}) | {base / median:.1f} |")
    lines += ["", "| freeze, since the online proof | seconds |", "|---|---|"]
    lines += [f"| {name} | {seconds:.2f} |" for name, seconds in held.items()]
    lines += ["", GROWS]
    return "\n".join(lines) + "\n"
