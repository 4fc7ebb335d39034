"""One verdict for all stores: what is done, in which order, and what is undone."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._cutover import run as cutovers
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    BudgetError,
    DifferenceError,
    MigrationError,
)


class Book:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, name: str) -> None:
        self.lines.append(f"[{name}]")


class Store:
    """Writes down what it is told; fails, differs or hangs where it should."""

    def __init__(self, name: str, book: Book, **faults: Any) -> None:
        self.name, self.book, self.faults = name, book, faults
        self.cancelled = False

    def _do(self, what: str) -> None:
        self.book.lines.append(f"{what} {self.name}")
        fault = self.faults.get(what)
        if isinstance(fault, threading.Event):
            fault.wait(5)
        elif isinstance(fault, list) and fault:
            raise fault.pop(0)

    def prepare(self) -> None:
        self._do("prepare")

    def predict(self) -> float:
        return float(self.faults.get("predicted", 0.1))

    def freeze(self) -> None:
        self._do("freeze")

    def settle(self) -> list[str]:
        self._do("settle")
        return list(self.faults.get("differences", []))

    def switch(self) -> None:
        self._do("switch")

    def open(self) -> None:
        self._do("open")

    def reopen(self) -> None:
        self._do("reopen")

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """Time passes where somebody lets it."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Living(Store):
    """Users write to it: each second since it was last made ready is one of the freeze."""

    def __init__(self, name: str, book: Book, clock: Clock, takes: float, comes_near_in: list[float]) -> None:
        super().__init__(name, book)
        self.clock, self.takes, self.comes_near_in, self.seen = clock, takes, comes_near_in, 0.0

    def _work(self, seconds: float) -> None:
        self.seen = self.clock.now
        self.clock.now += seconds

    def check(self) -> None:
        self._do("check")

    def prepare(self) -> None:
        self._do("prepare")
        self._work(self.takes)

    def near(self) -> None:
        self._do("near")
        self._work(self.comes_near_in.pop(0))

    def predict(self) -> float:
        return self.clock.now - self.seen


def both(pg: dict[str, Any] | None = None, redis: dict[str, Any] | None = None) -> tuple[Book, list[Store]]:
    book = Book()
    return book, [Store("pg", book, **(pg or {})), Store("redis", book, **(redis or {}))]


def go(book: Book, stores: Sequence[Store], **more: Any) -> cutovers.Outcome:
    return cutovers.Run(stores, more.pop("budget", 2.0), book, reopen_patience=0.1, **more).go()


def test_the_decision_is_written_before_the_first_writer_is_let_in() -> None:
    book, stores = both()
    outcome = go(book, stores)
    assert outcome.where == "new"
    assert outcome.predicted == pytest.approx(0.2)
    lines = [line for line in book.lines if not line.startswith("settle")]
    assert lines == [
        "[preparing]", "prepare redis", "prepare pg", "[freezing]", "freeze pg", "freeze redis", "[settling]",
        "[switching]", "switch pg", "switch redis", "[switched]", "open pg", "open redis", "[opened]",
    ]  # fmt: skip


def test_what_one_store_takes_its_time_for_is_not_left_for_the_freeze_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the first pass over a large Redis beside a busy database."""
    book, clock = Book(), Clock()
    monkeypatch.setattr(cutovers, "time", clock)
    pg = Living("pg", book, clock, 60.0, [20.0, 0.5])
    redis = Living("redis", book, clock, 600.0, [40.0, 0.3])
    assert go(book, [pg, redis], budget=2.0).predicted == pytest.approx(0.8 + 0.5)
    ready = book.lines[1 : book.lines.index("[freezing]")]
    assert ready == ["check pg", "prepare redis", "prepare pg", "near redis", "near pg", "near redis", "near pg"]


def test_coming_near_ends_where_nobody_comes_nearer(monkeypatch: pytest.MonkeyPatch) -> None:
    book, clock = Book(), Clock()
    monkeypatch.setattr(cutovers, "time", clock)
    stores = [Living(name, book, clock, 1.0, [5.0] * 9) for name in ("pg", "redis")]
    with pytest.raises(BudgetError, match="nothing was frozen"):
        go(book, stores)
    assert book.lines.count("near pg") == cutovers.ROUNDS


@pytest.mark.parametrize(
    ("where", "kind"), [("freeze", MigrationError), ("settle", MigrationError), ("switch", MigrationError)]
)
@pytest.mark.parametrize("store", [0, 1])
def test_any_failure_opens_all_old_sides_in_reverse(where: str, kind: type[Exception], store: int) -> None:
    faults: list[dict[str, Any]] = [{}, {}]
    faults[store] = {where: [RuntimeError("the disk is full")]}
    book, stores = both(*faults)
    with pytest.raises(kind, match="the disk is full; the old side is open again"):
        go(book, stores)
    assert book.lines[-4:] == ["[reopening]", "reopen redis", "reopen pg", "[]"]
    assert "open pg" not in book.lines


def test_a_difference_of_one_store_holds_for_all() -> None:
    book, stores = both(redis={"differences": ["key seat:7 is missing"]})
    with pytest.raises(DifferenceError, match="seat:7") as caught:
        go(book, stores)
    assert caught.value.differences == ["redis: key seat:7 is missing"]
    assert book.lines[-3:] == ["reopen redis", "reopen pg", "[]"]


def test_a_predicted_excess_freezes_nothing() -> None:
    book, stores = both(pg={"predicted": 5.0})
    with pytest.raises(BudgetError, match="nothing was frozen"):
        go(book, stores)
    assert not [line for line in book.lines if line.startswith("freeze")]


@pytest.mark.parametrize("where", ["freeze", "settle", "switch"])
def test_what_hangs_is_left_alone_when_the_budget_is_spent(where: str) -> None:
    hangs = threading.Event()
    book, stores = both(pg={where: hangs, "predicted": 0.0}, redis={"predicted": 0.0})
    began = time.monotonic()
    with pytest.raises(BudgetError, match=f"{where} of pg"):
        go(book, stores, budget=0.2)
    assert time.monotonic() - began < 2
    assert stores[0].cancelled
    assert book.lines[-1] == "[]"
    hangs.set()


def test_opening_is_tried_again_until_it_works() -> None:
    book, stores = both(pg={"open": [OSError("restarting")]})
    assert cutovers.Run(stores, 2.0, book).go().where == "new"
    assert book.lines.count("open pg") == 2
    assert "reopen pg" not in book.lines


@pytest.mark.parametrize(("verb", "where"), [("open", "new"), ("reopen", "old")])
def test_an_attempt_to_open_that_hangs_is_left_alone(monkeypatch: pytest.MonkeyPatch, verb: str, where: str) -> None:
    monkeypatch.setattr(cutovers, "ATTEMPT", 0.1)
    hangs = threading.Event()
    book, stores = both(pg={verb: hangs})
    real = stores[0].cancel

    def cancel() -> None:
        real()
        stores[0].faults.clear()

    stores[0].cancel = cancel  # type: ignore[method-assign]
    began = time.monotonic()
    outcome = cutovers.Run(stores, 2.0, book, rehearse=where == "old").go()
    hangs.set()
    assert time.monotonic() - began < 2
    assert (outcome.where, stores[0].cancelled) == (where, True)
    assert book.lines.count(f"{verb} pg") == 2


def test_an_old_side_that_does_not_open_is_said_and_stays_written_down() -> None:
    book, stores = both(pg={"freeze": [OSError("gone")], "reopen": [OSError("gone")] * 9})
    with pytest.raises(MigrationError, match="not open yet"):
        go(book, stores)
    assert book.lines[-1] != "[]"


def test_a_rehearsal_ends_at_the_old_side() -> None:
    book, stores = both()
    assert go(book, stores, rehearse=True).where == "old"
    assert "switch pg" not in book.lines
    assert book.lines[-1] == "[]"


def test_nothing_is_frozen_without_a_watchdog() -> None:
    def fails() -> None:
        raise MigrationError("the watchdog did not start")

    book, stores = both()
    with pytest.raises(MigrationError, match="watchdog"):
        go(book, stores, before_freeze=fails)
    assert "freeze pg" not in book.lines
    assert book.lines[-3:] == ["reopen redis", "reopen pg", "[]"]
