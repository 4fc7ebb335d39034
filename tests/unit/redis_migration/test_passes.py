"""What a freeze will cost is known before anybody is frozen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._cutover import run as cutovers
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import BudgetError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import passes
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import Options
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.participant import RedisParticipant


class Server:
    """A source of which one pass takes 8 seconds."""

    def __init__(self, tells: bool) -> None:
        self.tells, self.now, self.lost = tells, 0.0, not tells

    def monotonic(self) -> float:
        return self.now

    def start(self) -> bool:
        return self.tells

    def take(self) -> set[bytes]:
        return set()

    def full_pass(self, compare: bool) -> None:
        self.now += 8

    def sweep(self) -> None:
        pass

    def move_keys(self, keys: set[bytes]) -> int:
        return 0

    def all_differences(self, most: int) -> list[Any]:
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
