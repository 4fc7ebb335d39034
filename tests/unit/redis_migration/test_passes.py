"""What a freeze will cost is known before anybody is frozen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._cutover import run as cutovers
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import BudgetError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import passes, telling
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import Options, Tally
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.participant import RedisParticipant


class Server:
    """A source of which one pass takes 8 seconds."""

    def __init__(self, tells: bool) -> None:
        self.tells, self.now, self.lost = tells, 0.0, not tells
        self.tally = Tally(compared=70)  # by the pass before

    def monotonic(self) -> float:
        return self.now

    def start(self) -> bool:
        return self.tells

    def take(self) -> set[bytes]:
        return set()

    def keys(self) -> int:
        return 400

    def full_pass(
        self, compare: bool, save: Callable[[int, bytes, Tally], None] = lambda db, cursor, tally: None
    ) -> None:
        for second in range(1, 9):
            self.now += 1
            save(0, b"1", Tally(keys=second * 50))

    def sweep(self) -> None:
        pass

    def move_keys(self, keys: set[bytes]) -> int:
        return 0

    def all_differences(self, beat: Callable[[Tally], None], most: int) -> list[Any]:
        self.tally.compared += 400
        self.now += 2
        beat(self.tally)
        return []

    def streams(self) -> set[bytes]:
        return set()

    def built(self) -> set[bytes]:
        return set()

    def unproved(self, streams: set[bytes]) -> set[bytes]:
        return set()


def approach(server: Server, monkeypatch: pytest.MonkeyPatch) -> passes.Approach:
    monkeypatch.setattr(passes, "time", server)
    made = passes.Approach(server, server)  # type: ignore[arg-type]
    made.online(compare=False)
    return made


def test_it_tells_how_far_it_is_while_users_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first pass over a large Redis takes minutes, in a verb that shows nothing else meanwhile."""
    server, told = Server(tells=True), list[str]()
    monkeypatch.setattr(passes, "time", server)
    monkeypatch.setattr(telling, "time", server)
    passes.Approach(server, server, tell=told.append).online(compare=True)  # type: ignore[arg-type]
    assert told[0] == "first pass, 50 of about 400 keys, 50 a second, 7 s left"
    assert told[7:] == [
        "first pass, 400 of about 400 keys, 50 a second, 0 s left",
        "comparison, 400 of about 400 keys, 200 a second, 0 s left",
    ]


def test_a_source_that_tells_costs_the_same_whatever_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(tells=True)
    made = approach(server, monkeypatch)
    assert made.predict() == passes.FIXED
    server.lost = True  # the record ended since
    assert made.predict() > 2 * 8


def test_a_source_that_tells_nothing_is_not_frozen_where_the_budget_is_too_small(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = approach(Server(tells=False), monkeypatch)
    where = Endpoint("source", "h", 6379)
    one = RedisParticipant(where, where, Options(), tmp_path, None)  # type: ignore[arg-type]
    monkeypatch.setattr(one, "prepare", lambda: setattr(one, "_approach", made))
    monkeypatch.setattr(one, "reopen", lambda: None)
    monkeypatch.setattr(one, "freeze", lambda: pytest.fail("nobody may be frozen"))

    class Book:
        def step(self, name: str) -> None:
            pass

    with pytest.raises(
        BudgetError, match=r"the freeze would take about 20\.2 s, 10\.0 s are allowed; nothing was frozen"
    ):
        cutovers.Run([one], 10.0, Book()).go()
