"""How long a follower is waited for before a freeze."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import follow, nearing


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


def measure(monkeypatch: pytest.MonkeyPatch, drains: Iterator[float], budget: float = 5.0) -> tuple[float, int]:
    """The answer, and how often was asked. A drain that its deadline cuts off is late."""
    clock, asked = Clock(), [0]

    def drained(publisher: object, subscriber: object, slot: str, lsn: str, deadline: float, alive: object) -> float:
        asked[0] += 1
        spent = next(drains)
        if clock.now + spent > deadline:
            clock.now = deadline
            raise follow.LateError("not applied in time")
        clock.now += spent
        return spent

    monkeypatch.setattr(nearing, "time", clock)
    monkeypatch.setattr(follow, "drained", drained)
    monkeypatch.setattr(follow, "frozen_lsn", lambda session: "0/1")
    return nearing.behind(None, None, "slot", budget, lambda: None), asked[0]  # type: ignore[arg-type]


def test_the_first_small_one_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measure(monkeypatch, iter([4.0, 1.0, 0.1, 0.05])) == (0.1, 3)


def test_one_that_never_comes_near_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measure(monkeypatch, iter([2.0] * 99)) == (2.0, 8)


def test_what_takes_longer_than_any_freeze_could_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measure(monkeypatch, iter([1000.0])) == (nearing.PATIENCE, 1)
    assert measure(monkeypatch, iter([1000.0]), budget=40.0) == (40.0, 1)
