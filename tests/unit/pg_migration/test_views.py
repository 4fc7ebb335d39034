"""Which views a freeze has to refresh, and in which order."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import forecast
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.views import Ready, in_order

READY = Ready({"a": "1/7", "b": "2/7"}, {"a": 2.0, "b": 5.0})


@pytest.mark.parametrize(
    ("changes", "marks", "due", "seconds"),
    [
        ({}, {"a": "1/7", "b": "2/7"}, set(), 0.0),
        ({}, {"a": "1/7", "b": "2/9"}, {"b"}, 5.0),
        ({}, {"a": "1/7"}, set(), 0.0),  # emptied since
        ({}, {"a": "1/7", "b": "2/7", "c": "3/9"}, {"c"}, 0.0),  # filled since
        ({"late": {"a": "it reads a sequence"}}, {"a": "1/7", "b": "2/7"}, {"a"}, 2.0),
        ({"again": frozenset({"b"})}, {"a": "1/7", "b": "2/7"}, set(), 5.0),
        ({"again": frozenset({"b"})}, {"a": "1/8"}, {"a"}, 2.0),
    ],
)
def test_what_is_due(changes: dict[str, Any], marks: dict[str, str], due: set[str], seconds: float) -> None:
    ready = Ready(READY.marks, READY.seconds, **changes)
    assert ready.due(marks) == due
    assert ready.expected(marks) == seconds


def test_a_view_comes_after_those_that_it_reads() -> None:
    order = in_order(["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "elsewhere")])
    assert order == ["c", "b", "a"]


def test_check_mode_says_which_may_lengthen_the_freeze() -> None:
    said = forecast.view_words({"a": 60 * 1024**2, "b": 10}, {"b": "it reads sequence s"})
    assert said[0] == "materialised view b is refreshed in the freeze: it reads sequence s"
    assert "views a are refreshed before the freeze" in said[1]
    assert "about 2.0 s" in said[1]
    assert forecast.view_words({}, {}) == []
