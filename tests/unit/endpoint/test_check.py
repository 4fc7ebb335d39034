"""An endpoint counts as proved only when status and content are as expected."""

from __future__ import annotations

import itertools
import json

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._endpoint.check import (
    Answer,
    Expectation,
    check_all,
    fault,
)

HEALTH = Expectation("health", "http://h/health", json_contains={"status": "ok"}, min_items={"events": 2})


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (Answer(0, "", 0, "Connection refused"), "no answer: Connection refused"),
        (Answer(503, "down", 0), "status 503 instead of 200: down"),
        (Answer(200, "<html>", 0), "not JSON"),
        (Answer(200, "[]", 0), "no object"),
        (Answer(200, json.dumps({"status": "bad", "events": [1, 2]}), 0), "status is 'bad', not 'ok'"),
        (Answer(200, json.dumps({"status": "ok", "events": [1]}), 0), "events holds 1, not at least 2"),
        (Answer(200, json.dumps({"status": "ok"}), 0), "events holds None"),
        (Answer(200, json.dumps({"status": "ok", "events": True}), 0), "events holds True"),
        (Answer(200, json.dumps({"status": "ok", "events": 7}), 0), ""),
        (Answer(200, json.dumps({"status": "ok", "events": [1, 2]}), 0), ""),
    ],
)
def test_fault_says_what_is_wrong(answer: Answer, part: str) -> None:
    found = fault(HEALTH, answer)
    assert part in found
    assert bool(found) is bool(part)


def test_only_the_open_ones_are_asked_again_and_time_ends_it() -> None:
    asked: list[str] = []
    good, bad = Expectation("good", "http://g"), Expectation("bad", "http://b")

    def ask(expected: Expectation, timeout: float) -> Answer:
        asked.append(expected.name)
        return Answer(200 if expected is good else 500, "", 0.001)

    ticks = itertools.count()
    rows = check_all([bad, good], wait=3, timeout=1, ask=ask, clock=lambda: float(next(ticks)), pause=lambda _: None)
    assert [row["name"] for row in rows] == ["bad", "good"]
    assert rows[0]["fault"].startswith("status 500")
    assert rows[1]["fault"] == ""
    assert asked.count("good") == 1
    assert asked.count("bad") > 1
