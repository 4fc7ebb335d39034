"""Copy and comparison between real servers: every type, every trap, kill -9, what is found and what is refused."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import preflight
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import (
    DifferentError,
    RedisConnectError,
    RedisMoveError,
    RefusedError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import MARKER, Options, Rules
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.passes import Approach
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.run import Move, migrate
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.server import info
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.tracking import Follower

from tests.integration.redis_migration.data import mixed, traps
from tests.integration.redis_servers import PASSWORD, ROOT, TOKEN, RedisServer, make_server, memory, other_server
from tests.waiting import until

OPTIONS = Options(rules=Rules((("cache:*", "cache"), ("metrics:*", "skip"))), big_bytes=100_000, lock_wait=0)


@pytest.fixture
def step(old: RedisServer, new: RedisServer, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def run(verb: str, options: Options = OPTIONS, check: bool = False, source: RedisServer = old) -> dict[str, Any]:
        return migrate(Move(source.endpoint(), new.endpoint(), options, tmp_path / "journal"), verb, check)

    return run


def fill(server: RedisServer, count: int = 3000) -> None:
    with server.admin() as link:
        traps(link)
        assert not [reply for reply in link.ask(mixed(count)) if isinstance(reply, Exception)]
    server.do("SET", "in-db-2", "x", db=2)


def test_every_trap_arrives_and_is_proved(
    old: RedisServer, new: RedisServer, step: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    fill(old)
    planned = step("copy", check=True)
    assert planned["changed"]
    assert new.do("DBSIZE") == 0
    assert planned["estimate"]["copy"] >= 1
    assert step("copy")["phase"] == "copied"
    old.do("DEL", "count:9")
    old.do("EXPIRE", "count:19", 5000)
    again = step("copy")
    assert " 1 removed" in again["message"]
    report = step("verify")["report"]
    assert report["equal"]
    assert report["compared"] == report["keys_of_target"]
    with old.admin() as here, new.admin() as there:
        for question in (
            ("XRANGE", "events", "-", "+"), ("XPENDING", "events", "workers"), ("PFCOUNT", "visitors"), ("LRANGE", "list", 0, -1),
            ("ZRANGE", "scores", 0, -1, "WITHSCORES"), ("GET", b"\x00\xff\r\n bin"), ("PEXPIRETIME", "big:hash"), ("HLEN", "big:hash"),
        ):  # fmt: skip
            assert here.call(*question) == there.call(*question)
        assert there.call("EXISTS", "cache:page", "metrics:x") == 0
    text = "".join(path.read_text() for path in (tmp_path / "journal").rglob("*") if path.is_file())
    assert PASSWORD not in text
    assert TOKEN not in text
    assert stat.S_IMODE((tmp_path / "journal").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "journal").rglob("*.json")} == {0o600}
    given_up = step("finish")  # nobody was led away
    assert (given_up["changed"], given_up["phase"]) == (True, "new")
    assert new.do("EXISTS", MARKER) == 0
    assert not step("finish")["changed"]
    with pytest.raises(RefusedError, match="it is not empty"):  # what is there may be anybody's from now on
        step("copy")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (("SET", "count:29", "x"), "key count:29: different (the content of the string differs)"),
        (("HSET", "user:4", "f", "x"), "key user:4: different (the content of the hash differs)"),
        (("DEL", "queue:8"), "key queue:8: missing"),
        (("SET", "stranger", 1), "key stranger: extra"),
        (("PERSIST", "seat:10"), "key seat:10: different (it ends at"),
        (
            ("HSET", "big:hash", "field-77", "x"),
            "key big:hash: different (1 members differ or are missing, 0 too many)",
        ),
        (("SREM", "big:set", "member-9-" + "x" * 40), "key big:set: different (1 members"),
        (("ZADD", "big:zset", 1, "one-more"), "key big:zset: different (0 members differ or are missing, 1 too many)"),
        (("LSET", "big:list", 7_000, "x"), "key big:list: different"),
        (("SETRANGE", "big:text", 3_000_000, "x"), "key big:text: different (its bytes differ)"),
        (("XDEL", "big:stream", "77-0"), "key big:stream: different (length differs)"),
        (("XACK", "events", "workers", "1-1"), "key events: different (what is pending in group workers differs)"),
        (
            ("XGROUP", "SETID", "events", "workers", "0"),
            "key events: different (the position of group workers differs)",
        ),
    ],
)
@pytest.mark.fewer(4)
def test_a_difference_is_located_and_the_next_copy_mends_it(
    filled: tuple[RedisServer, RedisServer, Path], spoil: tuple[str, ...], told: str
) -> None:
    old, new, folder = filled
    move = Move(old.endpoint(), new.endpoint(), OPTIONS, folder)
    new.do(*spoil)
    with pytest.raises(DifferentError) as error:
        migrate(move, "verify", False)
    assert len(error.value.differences) == 1
    assert error.value.differences[0].startswith(told)
    report = json.loads(next(folder.glob("*/report.json")).read_text())
    assert report["differences"] == error.value.differences
    migrate(move, "copy", False)
    assert migrate(move, "verify", False)["report"]["equal"]


@pytest.fixture(scope="module")
def filled(
    pair: tuple[RedisServer, RedisServer], tmp_path_factory: pytest.TempPathFactory
) -> tuple[RedisServer, RedisServer, Path]:
    """Made once: the tests that use it mend what they spoil."""
    old, new = pair
    old.reset()
    new.reset()
    fill(old, 500)
    folder = tmp_path_factory.mktemp("filled")
    migrate(Move(old.endpoint(), new.endpoint(), OPTIONS, folder), "copy", False)
    return old, new, folder


@pytest.mark.parametrize(("binary", "channels"), [("valkey-server", "&*"), ("redis-server-6", "")])
def test_a_source_of_another_age(root: Path, new: RedisServer, tmp_path: Path, binary: str, channels: str) -> None:
    """Valkey 8 writes payloads of version 11, Redis 7.0 reads 10: everything is rebuilt by commands. Redis 6.0 tells the end of a key as a rest."""
    if not (path := other_server(binary)):
        pytest.skip(f"no {binary} here: tests/integration/other_redis.sh brings it where Debian's archive is reached")
    with make_server(root, "source", binary=path, channels=channels) as source:
        fill(source)
        move = Move(source.endpoint(), new.endpoint(), OPTIONS, tmp_path)
        copied = migrate(move, "copy", False)["message"]
        assert (" 0 rebuilt" in copied) == (binary != "valkey-server"), copied
        assert migrate(move, "verify", False)["report"]["equal"]
        source.do("HSET", "hash", "f", "changed")
        with pytest.raises(DifferentError, match="key hash: different"):
            migrate(move, "verify", False)
        migrate(move, "copy", False)
        assert migrate(move, "verify", False)["report"]["equal"]


def test_a_login_without_config_memory_and_dump_still_moves(
    old: RedisServer, new: RedisServer, step: Callable[..., dict[str, Any]]
) -> None:
    fill(old, 300)
    old.do("ACL", "SETUSER", "default", "-config", "-memory", "-dump", "-pexpiretime")
    step("copy")
    assert step("verify")["report"]["equal"]


def test_killed_and_resumed(
    old: RedisServer, new: RedisServer, step: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    with old.admin() as link:
        link.ask(mixed(40_000))
    script = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "collections")!r}]
from pathlib import Path
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import leg
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.run import Move, migrate
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from tests.integration.redis_migration.test_redis_copy import OPTIONS
leg.SAVE_EVERY = 0.01
passwords = sys.stdin.read().splitlines()
migrate(Move(Endpoint("source", "localhost", {old.port}, "", passwords[0], False, ""),
    Endpoint("target", "localhost", {new.port}, "", passwords[1], True, {new.ca_file!r}), OPTIONS, Path({str(tmp_path)!r}) / "journal"), "copy", False)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdin is not None
    process.stdin.write(f"{PASSWORD}\n{TOKEN}")
    process.stdin.close()
    until(lambda: process.poll() is not None or int(new.do("DBSIZE")) >= 15_000)  # type: ignore[call-overload]
    assert process.poll() is None
    with pytest.raises(RedisMoveError, match=rf"another run of this move holds .*process {process.pid}, for \d+ s"):
        step("copy")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert step("preflight")["phase"] == "copying"
    assert "went on after" in step("copy")["message"]
    assert step("verify")["report"]["compared"] == 40_000


def test_refusals_come_all_at_once_and_change_nothing(
    old: RedisServer, new: RedisServer, step: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    new.do("SET", "foreign", 1)
    new.do("CONFIG", "SET", "maxmemory", "3mb", "maxmemory-policy", "allkeys-lru")
    old.do("SET", "x", "y" * 9_000_000)
    try:
        with pytest.raises(RefusedError) as error:
            step("copy")
    finally:
        new.do("CONFIG", "SET", "maxmemory", 0, "maxmemory-policy", "noeviction")
    text = str(error.value)
    assert "2 findings" in text
    assert "it is not empty: 1 keys, such as foreign" in text
    assert "MiB are to be moved" in text
    assert new.do("DBSIZE") == 1
    new.reset()
    with pytest.raises(RefusedError, match="it is the same server as the source"):
        migrate(Move(new.endpoint(), new.endpoint(), OPTIONS, tmp_path), "preflight", False)
    new.do("HSET", MARKER, "id", "somebody-else")
    with pytest.raises(RefusedError, match=r"marker of another move \(somebody-else\)"):
        step("copy")


def test_a_target_that_fills_up_says_so_and_the_next_run_goes_on(
    old: RedisServer, new: RedisServer, step: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with old.admin() as link:
        link.ask([("SET", f"k:{n}", "v" * 1000) for n in range(5000)])
    monkeypatch.setattr(preflight, "_memory", lambda found, target, there: [])  # as if others filled it meanwhile
    new.do("CONFIG", "SET", "maxmemory", 4_000_000)
    try:
        with pytest.raises(RedisMoveError, match=r"key k:\d+: OOM .* Mend: the server is full"):
            step("copy")
    finally:
        new.do("CONFIG", "SET", "maxmemory", 0)
    step("copy")
    assert step("verify")["report"]["equal"]


def test_a_second_attempt_fits_where_the_first_one_did(
    old: RedisServer, new: RedisServer, step: Callable[..., dict[str, Any]]
) -> None:
    with old.admin() as link:
        link.ask([("SET", f"k:{n}", "v" * 1000) for n in range(5000)])
    step("copy")
    with new.admin() as link:
        used = int(info(link)["used_memory"])
    new.do("CONFIG", "SET", "maxmemory", used + 2_000_000)
    try:
        step("copy")
    finally:
        new.do("CONFIG", "SET", "maxmemory", 0)


def test_connections_that_cannot_be_trusted(old: RedisServer, new: RedisServer) -> None:
    for change, told in (
        ({"ca_file": str(new.folder / "other-ca.pem")}, "give the right CA file"),
        ({"host": "127.0.0.2"}, "connect by its name|nothing listens"),
        ({"password": "wrong"}, "the secret's password is not what the server has"),
        ({"ca_file": "/nowhere.pem"}, "is not there"),
        ({"tls": False, "ca_file": ""}, "whether it wants TLS"),
    ):
        with pytest.raises(RedisConnectError, match=told) as error:
            Leg(old.endpoint(), dataclasses.replace(new.endpoint(), **change), OPTIONS)  # type: ignore[arg-type]
        assert TOKEN not in str(error.value)


def test_the_record_of_changes_misses_nothing(old: RedisServer, new: RedisServer) -> None:
    """Any write of any kind between the online proof and the freeze: only what is told as changed is carried over, then all is compared."""
    fill(old, 2000)
    new.do("HSET", MARKER, "id", "test")
    leg = Leg(old.endpoint(), new.endpoint(), OPTIONS)
    approach = Approach(leg, Follower(old.endpoint()))
    try:
        approach.online(compare=False)
        assert approach.proved
        dice = random.Random(7)  # noqa: S311
        with old.admin() as link:
            replies = link.ask(
                [
                    ("INCR", "count:9"), ("APPEND", "seat:0", "x"), ("EXPIRE", "user:4", 100), ("PERSIST", "seat:10"), ("DEL", "rank:7"),
                    ("RENAME", "user:5", "user:renamed"), ("COPY", "user:14", "user:copied"), ("LMOVE", "queue:8", "queue:18", "LEFT", "RIGHT"),
                    ("SPOP", "tags:6"), ("ZPOPMIN", "rank:17"), ("HDEL", "big:hash", "field-5"), ("SREM", "big:set", "member-3-" + "x" * 40),
                    ("XADD", "events", "*", "k", "v"), ("XREADGROUP", "GROUP", "workers", "bert", "STREAMS", "events", ">"),
                    ("XACK", "events", "workers", "1-1"), ("XACK", "big:stream", "g", "1-0"), ("SETRANGE", "big:text", 5, "zz"), ("LPOP", "big:list"),
                    ("SET", "brief", "v", "PX", 60), ("GETEX", "count:19", "EX", 1000), ("SINTERSTORE", "made", "ints", "ints"),
                    ("BITOP", "NOT", "bits2", "bits"),
                    ("EVAL", "redis.call('SET', KEYS[1], 'by script')", 1, "scripted"), ("PFADD", "visitors", "another"), ("MOVE", "count:29", 2),
                    ("SORT", "ints", "STORE", "sorted"), ("GEOADD", "geo", 1, 2, "x"), ("XGROUP", "CREATE", "streams:new", "g", "$", "MKSTREAM"),
                    *[("SET", f"seat:{dice.randint(0, 4000)}", dice.random()) for _ in range(500)],
                ]
            )  # fmt: skip
        assert [str(reply) for reply in replies if isinstance(reply, Exception)] == []
        until(lambda: not old.do("EXISTS", "brief"))
        assert approach.frozen() == []
        assert approach.proved
        assert not approach.follower.lost
        assert leg.all_differences() == []
    finally:
        approach.follower.stop()
        leg.close()


def test_memory_stays_bounded(old: RedisServer, new: RedisServer, tmp_path: Path) -> None:
    """A key of 60 MiB and many of 100 KiB go through a process that never holds more than a few portions."""
    with old.admin() as link:
        for part in range(60):
            link.call("APPEND", "huge", bytes([part]) * 1024**2)
        link.ask(
            [
                ("HSET", "wide", *[x for n in range(s, s + 100) for x in (f"f{n}", "v" * 2000)])
                for s in range(0, 20_000, 100)
            ]
        )
        link.ask([("SET", f"k:{n}", "v" * 100_000) for n in range(400)])
    script = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "collections")!r}]
from pathlib import Path
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.run import Move, migrate
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
passwords = sys.stdin.read().splitlines()
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import Options
move = Move(Endpoint("source", "localhost", {old.port}, "", passwords[0], False, ""),
    Endpoint("target", "localhost", {new.port}, "", passwords[1], True, {new.ca_file!r}), Options(), Path({str(tmp_path)!r}))
migrate(move, "copy", False)
migrate(move, "verify", False)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=f"{PASSWORD}\n{TOKEN}",
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert int(done.stdout) < 100 * 1024, "KiB"
    assert memory() > 0
    assert Journal(tmp_path, old.endpoint().label, new.endpoint().label).folder.exists()
