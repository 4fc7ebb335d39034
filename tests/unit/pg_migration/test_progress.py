"""What a person sees while a long verb runs."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible_collections.tiketi.platform.plugins.action import postgres_migration as action

COPYING = {
    "step": "copy", "done_bytes": 50 * action.MIB, "total_bytes": 200 * action.MIB, "done_rows": 10, "total_rows": 40,
    "rate": 25.0 * action.MIB, "eta": 6.0, "note": "public.reservations",
}  # fmt: skip


def test_a_line_of_progress() -> None:
    assert (
        action.in_words(COPYING) == "copy: 50 of 200 MiB, 10 of about 40 rows, 25 MiB/s, 6 s left; public.reservations"
    )
    assert action.in_words({}) == "begin ..."
    assert action.in_words({**COPYING, "rate": 0.0, "eta": None, "note": ""}).endswith("40 rows")


def test_it_waits_in_slices_and_begins_anew_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[dict[str, Any]] = [
        {"running": True, "progress": COPYING, "notices": ["said once"]},
        {"running": True, "progress": COPYING, "notices": []},
        {"changed": True, "phase": "seeded", "notices": ["at the end"]},
    ]
    given: list[dict[str, Any]] = []
    shown: list[str] = []
    task = MagicMock(args={"verb": "seed", "restart": True}, async_val=0)
    plugin = action.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())

    def execute(module_args: dict[str, Any], **_more: Any) -> dict[str, Any]:
        given.append(dict(module_args))
        return answers.pop(0)

    monkeypatch.setattr(plugin, "_execute_module", execute)
    monkeypatch.setattr(action, "Display", lambda: MagicMock(display=shown.append))
    result = plugin.run(task_vars={})
    assert (result["phase"], result["notices"]) == ("seeded", ["said once", "at the end"])
    assert [one["restart"] for one in given] == [True, False, False]
    assert all(one["attach"] == action.SLICE for one in given)
    assert len(shown) == 2


def test_a_line_of_lag() -> None:
    lag = {"step": "follow", "lag_bytes": 3 * action.MIB, "rate": action.MIB / 2, "eta": 6.0, "total_bytes": 0}
    assert action.in_words(lag) == "follow: 3.0 MiB behind, 0.5 MiB/s nearer, 6 s left"
    assert action.in_words({**lag, "rate": 0.0, "eta": None}) == "follow: 3.0 MiB behind"


def test_patience_is_that_of_all_slices_together(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[dict[str, Any]] = [
        {"running": True, "changed": True, "progress": {}, "notices": ["the subscription was made"]},
        {"changed": False, "phase": "following", "notices": []},
    ]
    given: list[dict[str, Any]] = []
    clock = iter((0.0, 40.0))
    task = MagicMock(args={"verb": "follow", "follow_timeout": 60}, async_val=0)
    plugin = action.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())

    def execute(module_args: dict[str, Any], **_more: Any) -> dict[str, Any]:
        given.append(dict(module_args))
        return answers.pop(0)

    monkeypatch.setattr(plugin, "_execute_module", execute)
    monkeypatch.setattr(action, "Display", lambda: MagicMock(display=lambda _line: None))
    monkeypatch.setattr(action.time, "monotonic", lambda: next(clock))
    result = plugin.run(task_vars={})
    assert result["changed"], "what the first slice did was done by this run"
    assert [one["follow_timeout"] for one in given] == [60, 20.0]
