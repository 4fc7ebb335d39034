"""Seconds of a freeze: what the move has measured counts, where it has gone through about as much as there is now."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import forecast, passes
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.survey import Survey

WHERE = Endpoint("source", "h", 6379)


def survey(keys: int, streams: int = 0) -> Survey:
    found = Survey()
    found.keys["state"], found.bytes["state"], found.kinds["stream"] = keys, keys * 100, streams
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path, "a", "b")


def foreseen(
    journal: Journal, found: Survey, tells: bool, monkeypatch: pytest.MonkeyPatch, changed: tuple[bytes, ...] = ()
) -> forecast.Forecast:
    monkeypatch.setattr(forecast, "tells", lambda where, moment: set(changed) if tells else None)
    return forecast.forecast(WHERE, found, forecast.measures(journal))


def test_a_source_that_tells_costs_its_streams_and_not_its_keys(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = (foreseen(journal, survey(keys), True, monkeypatch).seconds for keys in (10, 10_000_000))
    assert few == many == passes.FIXED
    assert foreseen(journal, survey(5000, streams=4000), True, monkeypatch).seconds == passes.FIXED + 2


def test_big_keys_that_are_written_to_are_named_with_what_they_cost(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = survey(10)
    found.big = [("resting", 3 * forecast.BIG_RATE), ("hot", 2 * forecast.BIG_RATE), ("log", forecast.BIG_RATE)]
    found.big_streams = {"log"}
    told = foreseen(journal, found, True, monkeypatch, changed=(b"hot", b"log", b"small"))
    assert told.seconds == pytest.approx(passes.FIXED + 2)
    assert len(told.told) == 1
    assert "read whole in the freeze, 1 of them: hot (" in told.told[0]


@pytest.mark.parametrize(
    ("measured", "keys", "seconds", "words"),
    [
        ({}, 150_000, 25, "another machine"),
        ({"pass": (150_000, 4)}, 150_000, 10, "this move"),
        ({"pass": (150_000, 4), "comparison": (150_000, 3)}, 300_000, 14, "this move"),
        ({"pass": (70_000, 4)}, 150_000, 25, "another machine"),
    ],
    ids=["nothing", "a-pass", "both-and-it-grew", "too-little"],
)
def test_a_source_that_tells_nothing_costs_a_pass_and_a_comparison(
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    measured: dict[str, tuple[int, float]],
    keys: int,
    seconds: float,
    words: str,
) -> None:
    for step, (count, took) in measured.items():
        forecast.note(journal, step, count, 0, took)
    found = foreseen(journal, survey(keys), False, monkeypatch)
    assert found.seconds == pytest.approx(passes.FIXED + seconds)
    assert words in found.told[0]
