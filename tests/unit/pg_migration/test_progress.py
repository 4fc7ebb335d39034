"""What a person sees while a long verb runs."""

from __future__ import annotations

import time
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible_collections.tiketi.platform.plugins.action import postgres_migration as action
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Progress
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import gauge
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import run as verifying
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.compare import Comparison

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


def test_after_the_last_row_the_line_says_what_is_built_still() -> None:
    """Indexes of a large table take longer than its rows."""
    built = {**COPYING, "done_bytes": 200 * action.MIB, "rate": 0.0, "eta": None, "note": ""}
    extra = {"running": [f"build INDEX i{n}" for n in range(5)], "steps_left": 9}
    line = action.in_words({**built, "extra": extra})
    assert line.endswith("rows; 9 steps left; build INDEX i0, build INDEX i1, build INDEX i2, ...")
    copying = {**COPYING, "extra": {"running": ["copy public.t#1", "build INDEX i"], "steps_left": 2}}
    assert action.in_words(copying).endswith("6 s left; 2 steps left; build INDEX i; public.reservations")
    assert action.in_words({"step": "views", "extra": {"running": ["build v"], "steps_left": 1}}) == (
        "views ...; 1 steps left; build v"
    )


def _gauge(rate_limit: int = 0) -> tuple[gauge.Gauge, MagicMock]:
    context = MagicMock()
    context.settings.rate_limit = rate_limit
    return gauge.Gauge(context, MagicMock(pressed=False, latency=0.0, paused_seconds=0.0)), context.journal.progress


def test_large_objects_are_counted_and_nothing_is_left_when_the_bytes_are_there() -> None:
    one, told = _gauge()
    one.planned({"done_bytes": 100, "planned_bytes": 100, "rows": 7}, 7)
    one.further(50)
    one.brought(20)
    one.write()
    now = told.call_args[0][0]
    assert (now.done_bytes, now.total_bytes) == (120, 150)
    one.brought(90)  # more than on disk
    one.write()
    assert (now.done_bytes, now.eta) == (150, None)


def test_a_large_table_is_counted_range_by_range() -> None:
    """All of its bytes at its end looked like a hang, and gave no time that is left."""
    big = MagicMock(label="public.big", bytes=1000, key=("id",), ordered=True)
    comparison = Comparison(MagicMock(), [big], lambda waiting: waiting)
    result = comparison.results["public.big"]
    result.parts, result.left, result.ranges, result.rows = 10, 6, 4, [400, 400]
    context, progress = MagicMock(), Progress("verify", time.time() - 10, total_bytes=1000, total_rows=1000)
    verifying._show(context, progress, comparison)
    assert (progress.done_bytes, progress.done_rows, progress.note) == (400, 400, "public.big")
    assert progress.eta == pytest.approx(15, rel=0.1)
    result.left = 0
    verifying._show(context, progress, comparison)
    assert (progress.done_bytes, progress.note) == (1000, "")


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
