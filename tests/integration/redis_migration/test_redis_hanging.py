"""A server that stops to answer in the freeze: the budget ends, the old state is back, and what hung does nothing when it wakes up."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._cutover import run as cutovers
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import BudgetError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.stores import RedisReturn, RedisStore
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.run import Move

from tests.integration.redis_migration.test_redis_cutover import (
    OPTIONS,
    Writers,
    closing,
    cut_over,
    grows,
    make,
    nothing_lost,
    writers,
)
from tests.integration.redis_servers import Proxy, RedisServer
from tests.waiting import until

__all__ = ["writers"]
BUDGET = 2.0


@dataclass
class Freezer:
    """Stops a server when a step begins and lets it go on when the run has given up, or where a test says so."""

    server: RedisServer
    at: str
    until: str
    lines: list[str] = field(default_factory=list)
    stopped: bool = False

    def step(self, name: str) -> None:
        self.lines.append(name)
        if name == self.until:
            self.wake()

    def signal(self, what: signal.Signals) -> None:
        assert self.server.process is not None
        self.server.process.send_signal(what)

    def wake(self) -> None:
        self.signal(signal.SIGCONT)

    def around(self, one: Any) -> None:
        work = getattr(one, self.at)

        def hanging() -> Any:
            self.signal(signal.SIGSTOP)
            return work()

        setattr(one, self.at, hanging)


@contextlib.contextmanager
def hanging(server: RedisServer, at: str, until: str) -> Iterator[Freezer]:
    freezer = Freezer(server, at, until)
    try:
        yield freezer
    finally:
        freezer.wake()


def called_off(one: Any, freezer: Freezer) -> None:
    """The run gives up, the server wakes up, and every thread that hung has ended."""
    before = set(threading.enumerate())
    freezer.around(one)
    with pytest.raises(BudgetError, match="budget"):
        cutovers.Run([one], BUDGET, freezer, reopen_patience=20).go()
    freezer.wake()
    until(lambda: set(threading.enumerate()) <= before, seconds=30)


@pytest.mark.parametrize(  # a freeze does not ask the target
    ("side", "step"),
    [("source", "freeze"), ("source", "settle"), ("source", "switch"), ("target", "settle"), ("target", "switch")],
)
@pytest.mark.fewer("source-settle")
def test_what_hung_in_a_cutover_does_nothing_when_it_wakes_up(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path, writers: Writers, side: str, step: str
) -> None:
    rights = old.do("ACL", "GETUSER", "default")
    move = Move(old.endpoint(), new.endpoint(), OPTIONS, tmp_path / "journal", proxy.switch)
    # The old side is needed to open it; the new one is not, so it sleeps until the old side is open again.
    server, until = (old, cutovers.REOPENING) if side == "source" else (new, "never")
    with closing(RedisStore(move, {})) as one, hanging(server, step, until) as freezer:
        called_off(one, freezer)
        one.journal.load()
        assert one.journal.phase in ("copied", "verified")
        assert proxy.switch.active() == "old"
        assert old.do("ACL", "GETUSER", "default") == rights
        grows(old)
        new.do("SET", "nobody-is-held-here", 1)
        new.do("DEL", "nobody-is-held-here")
    with closing(make(old, new, proxy, tmp_path)) as again:
        cut_over(again)
        grows(new)
        nothing_lost(writers.end(), new)


@pytest.mark.parametrize(("side", "step"), [("target", "freeze"), ("source", "settle"), ("target", "settle")])
@pytest.mark.fewer("target-settle")
def test_what_hung_in_a_rollback_does_nothing_when_it_wakes_up(
    old: RedisServer, new: RedisServer, proxy: Proxy, tmp_path: Path, writers: Writers, side: str, step: str
) -> None:
    with closing(make(old, new, proxy, tmp_path)) as one:
        cut_over(one)
    move = Move(old.endpoint(), new.endpoint(), OPTIONS, tmp_path / "journal", proxy.switch)
    with (
        closing(RedisReturn(move, {})) as back,
        hanging(  # type: ignore[type-var]
            old if side == "source" else new, step, cutovers.REOPENING
        ) as freezer,
    ):
        called_off(back, freezer)
        assert proxy.switch.active() == "new"
        grows(new)
    with closing(make(old, new, proxy, tmp_path)) as again:
        again.roll_back()
        grows(old)
        nothing_lost(writers.end(), old)
