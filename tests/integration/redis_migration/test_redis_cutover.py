"""The cutover under writers who may not see one error, and every way back."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.errors import ProxyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import (
    DifferentError,
    RedisMoveError,
    ReplyError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.look import share_token
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import Difference, Options, Rules
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.participant import RedisParticipant
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from tests.integration.redis_migration.data import mixed, traps
from tests.integration.redis_servers import ROOT, TOKEN, Proxy, RedisServer
from tests.waiting import until

OPTIONS = Options(rules=Rules((("cache:*", "cache"), ("metrics:*", "skip"))), big_bytes=200_000, lock_wait=0)
WRITERS = Path(__file__).with_name("writers.py")


@dataclass
class Writers:
    process: subprocess.Popen[str]
    stop: Path

    def end(self) -> dict[str, Any]:
        self.stop.touch()
        out, _ = self.process.communicate(timeout=30)
        return json.loads(out.splitlines()[-1])


@pytest.fixture
def writers(proxy: Proxy, old: RedisServer, new: RedisServer, tmp_path: Path) -> Iterator[Writers]:
    share_token(old.endpoint(), new.endpoint())
    stop = tmp_path / "stop"
    process = subprocess.Popen(
        [sys.executable, str(WRITERS), str(proxy.port), str(stop)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(TOKEN + "\n")
    process.stdin.flush()
    assert process.stdout.readline() == "started\n"
    try:
        yield Writers(process, stop)
    finally:
        stop.touch()
        process.kill()
        process.wait()


def count_at(server: RedisServer, session: int = 0) -> int:
    return int(server.do("GET", f"count:{session}") or 0)  # type: ignore[call-overload]


def grows(server: RedisServer) -> None:
    """Writers are at this server, and get on."""
    before = count_at(server)
    until(lambda: count_at(server) > before + 10)


def nothing_lost(told: dict[str, Any], server: RedisServer) -> float:
    """What was acknowledged is there, once. The longest wait of a writer."""
    for session, said in told.items():
        assert said["errors"] == []
        assert int(server.do("GET", f"count:{session}")) == said["count"]  # type: ignore[call-overload]
        logged = server.do("LRANGE", f"log:{session}", 0, -1)
        assert logged == [str(n + 1).encode() for n in range(said["count"])]
    return max(said["longest"] for said in told.values())


def make(
    old: RedisServer, new: RedisServer, proxy: Proxy, folder: Path, options: Options = OPTIONS
) -> RedisParticipant:
    return RedisParticipant(old.endpoint(), new.endpoint(), options, folder / "journal", proxy.switch)


@contextlib.contextmanager
def closing(one: RedisParticipant) -> Iterator[RedisParticipant]:
    try:
        yield one
    finally:
        one.close()


def cut_over(one: RedisParticipant) -> None:
    one.prepare()
    one.freeze()
    assert one.settle() == []
    one.switch()
    one.open()


@pytest.mark.parametrize("follows", [True, False], ids=["told-changes", "goes-through-all"])
def test_cutover_loses_nothing_doubles_nothing_fails_nothing(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path, writers: Writers, follows: bool
) -> None:
    if not follows:  # Dragonfly has no such messages
        old.do("ACL", "SETUSER", "default", "-client|tracking")
    with old.admin() as link:
        traps(link)
        link.ask(mixed(5000))
    grows(old)
    with closing(make(old, new, proxy, tmp_path)) as one:
        cut_over(one)
        grows(new)
        with (
            pytest.raises(RedisMoveError, match="NOPERM"),
            contextlib.closing(Leg(old.endpoint(), new.endpoint(), OPTIONS)) as leg,
        ):
            leg._transfer(0).here.link.call("SET", "late", 1)  # straight to the old server
        longest = nothing_lost(writers.end(), new)
        frozen = sum(one.waited[step] for step in ("freeze", "settle", "switch", "open"))
        print(f"longest wait {longest * 1000:.0f} ms; {one.waited}")
        # Going through all keys takes as long as the machine needs; nobody waits for more than that.
        assert longest < (1.5 if follows else frozen + 1)
        assert proxy.switch.active() == "new"
        assert "disabled" in (proxy.folder / "haproxy.cfg").read_text().split("server old")[1].splitlines()[0]
        assert new.do("EXISTS", "cache:page", "metrics:x") == 0


def test_a_session_that_wakes_up_before_the_opening_waits(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path
) -> None:
    """It was idle when the others were held, so the old server would answer it at once: with a refusal."""
    share_token(old.endpoint(), new.endpoint())
    client = redis.Redis(
        port=proxy.port, password=TOKEN, retry=Retry(ConstantBackoff(0.01), 200), retry_on_error=[redis.ConnectionError]
    )
    assert client.ping()
    with closing(make(old, new, proxy, tmp_path)) as one, ThreadPoolExecutor(1) as pool:
        one.prepare()
        one.freeze()
        assert one.settle() == []
        one.switch()
        late = pool.submit(client.incr, "late")
        with pytest.raises(TimeoutError):
            late.result(0.3)
        one.open()
        assert late.result(5) == 1
    assert (new.do("GET", "late"), old.do("EXISTS", "late")) == (b"1", 0)


def test_a_session_of_a_replaced_process_of_the_proxy_goes_on_too(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path
) -> None:
    """A reload leaves it with the process before, which no order reaches: the old server would answer it with a refusal."""
    share_token(old.endpoint(), new.endpoint())
    client = redis.Redis(
        port=proxy.port, password=TOKEN, retry=Retry(ConstantBackoff(0.01), 200), retry_on_error=[redis.ConnectionError]
    )
    assert client.incr("late") == 1
    with reloaded(proxy), closing(make(old, new, proxy, tmp_path)) as one, ThreadPoolExecutor(1) as pool:
        one.prepare()
        one.freeze()
        assert one.settle() == []
        one.switch()
        late = pool.submit(client.incr, "late")
        with pytest.raises(TimeoutError):
            late.result(0.3)
        one.open()
        assert late.result(5) == 2
    assert new.do("GET", "late") == b"2"


@contextlib.contextmanager
def reloaded(proxy: Proxy) -> Iterator[None]:
    """A process with the same configuration in the place of the first, which stays for its sessions."""
    first = proxy.process.pid
    command = ["haproxy", "-db", "-f", str(proxy.folder / "haproxy.cfg"), "-sf", str(first)]
    second = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def took_over() -> bool:
        with contextlib.suppress(ProxyError):
            return f"Pid: {second.pid}" in proxy.switch.admin.command("show info")
        return False

    try:
        until(took_over)
        until(lambda: listening(proxy.port) == 1)
        yield
    finally:
        second.kill()
        second.wait()


def listening(port: int) -> int:
    """Sockets that take connections there."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def test_roll_back_carries_new_writes_back(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path, writers: Writers
) -> None:
    old.do("SET", "cache:page", "stale by then")
    with closing(make(old, new, proxy, tmp_path)) as one:
        cut_over(one)
    grows(new)
    new.do("SET", "made-later", "v")
    with closing(make(old, new, proxy, tmp_path)) as again:  # another run
        again.roll_back()
        grows(old)
        print(f"longest wait {nothing_lost(writers.end(), old) * 1000:.0f} ms; {again.waited}")
        assert old.do("GET", "made-later") == b"v"
        assert old.do("EXISTS", "cache:page") == 0
        assert old.do("ACL", "USERS") == [b"admin", b"default"]
        assert proxy.switch.active() == "old"


@pytest.mark.parametrize("after", ["freeze", "settle", "switch"])
@pytest.mark.fewer("settle")
def test_reopen_from_any_point(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path, writers: Writers, after: str
) -> None:
    rights = old.do("ACL", "GETUSER", "default")
    with closing(make(old, new, proxy, tmp_path)) as one:
        one.prepare()
        for step in ("freeze", "settle", "switch"):
            getattr(one, step)()
            if step == after:
                break
        one.reopen()
        one.reopen()
        grows(old)
        assert old.do("ACL", "GETUSER", "default") == rights
        cut_over(one)  # and the next attempt works
        grows(new)
        nothing_lost(writers.end(), new)


def test_a_run_that_dies_after_the_switch_loses_nothing(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path, writers: Writers
) -> None:
    script = f"""
import os, sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "collections")!r}]
from pathlib import Path
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.switch import ProxySwitch
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.participant import RedisParticipant
from tests.integration.redis_migration.test_redis_cutover import OPTIONS
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
folder = Path({str(proxy.folder)!r})
passwords = sys.stdin.read().splitlines()
one = RedisParticipant(Endpoint("source", "localhost", {old.port}, "", passwords[0], False, ""),
    Endpoint("target", "localhost", {new.port}, "", passwords[1], True, {new.ca_file!r}),
    OPTIONS, Path({str(tmp_path)!r}) / "journal", ProxySwitch(folder / "admin.sock", folder / "haproxy.cfg"))
one.prepare(); one.freeze(); assert one.settle() == []; one.switch()
os._exit(9)
"""
    died = subprocess.run(
        [sys.executable, "-c", script], input=f"{old.password}\n{new.password}", text=True, cwd=ROOT, check=False
    )
    assert died.returncode == 9
    # Both pauses end by themselves; the old side refuses, so sessions that are still there would fail: reopen at once.
    with closing(make(old, new, proxy, tmp_path)) as again:
        again.reopen()
        grows(old)
        nothing_lost(writers.end(), old)


def test_a_freeze_that_is_too_long_reopens_by_itself(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path
) -> None:
    short = Options(rules=OPTIONS.rules, lock_wait=0, freeze_limit=0.1)
    with closing(make(old, new, proxy, tmp_path, short)) as one:
        one.prepare()
        one.freeze()
        until(lambda: bool(one._pause.broken), seconds=10)
        with pytest.raises(RedisMoveError, match="longer than its limit"):
            one.settle()
        one.reopen()
        old.do("SET", "k", "v")


def test_writers_are_refused_where_they_cannot_be_held(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path
) -> None:
    """Redis 6.0 has no CLIENT PAUSE WRITE."""
    share_token(old.endpoint(), new.endpoint())
    old.do("ACL", "SETUSER", "default", "-client|pause")
    old.do("SET", "k", "v")
    with closing(make(old, new, proxy, tmp_path)) as one:
        one.prepare()
        one.freeze()
        with (
            contextlib.closing(Leg(old.endpoint(), new.endpoint(), OPTIONS)) as leg,
            pytest.raises(ReplyError, match="NOPERM"),
        ):
            leg._transfer(0).here.link.call("SET", "k", "w")
        assert one.settle() == []
        one.switch()
        one.open()
        assert new.do("GET", "k") == b"v"


def test_a_write_in_the_freeze_is_found_and_stops_the_cutover(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = Leg.settle

    def with_a_writer(leg: Leg, keys: set[bytes]) -> list[Difference]:
        found = settle(leg, keys)
        old.do("CLIENT", "UNPAUSE")
        old.do("SET", "late", 1)
        return found

    monkeypatch.setattr(Leg, "settle", with_a_writer)
    with closing(make(old, new, proxy, tmp_path)) as one:
        one.prepare()
        one.freeze()
        assert one.settle() == ["key late: different (written to in the freeze)"]
        with pytest.raises(RedisMoveError, match="not settled"):
            one.switch()
        one.reopen()


def test_a_key_spoilt_at_the_target_is_found_before_the_freeze(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old.do("SET", "good", 1)
    compare = Leg.all_differences

    def with_an_intruder(leg: Leg, **more: Any) -> list[Difference]:
        new.do("SET", "good", 2)
        return compare(leg, **more)

    monkeypatch.setattr(Leg, "all_differences", with_an_intruder)
    with closing(make(old, new, proxy, tmp_path)) as one, pytest.raises(DifferentError, match="key good: different"):
        one.prepare()
