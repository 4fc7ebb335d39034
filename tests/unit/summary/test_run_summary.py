"""The summary must count what happened, once, and tell a failed run from a mended one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.callback.run_summary import CallbackModule
from ansible_collections.tiketi.platform.plugins.module_utils._summary.model import Run
from ansible_collections.tiketi.platform.plugins.module_utils._summary.render import as_dict, as_text


class Clock:
    """Stands until it is told to go on."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _run() -> Run:
    clock = Clock()
    run = Run(clock=clock)
    run.start_phase("K3s cluster | Servers")
    run.start_task("Bring the server to its state")
    run.record("s1", "Bring the server to its state", "changed")
    clock.now = 12
    run.start_phase("K3s cluster | Agents")
    run.start_task("Bring the agent to its state")
    run.record("a1", "Bring the agent to its state", "changed")
    run.record("a2", "Bring the agent to its state", "ok")
    clock.now = 20
    run.start_phase("Services")
    run.start_task("Apply")
    run.record("account", "Apply", "skipped")
    clock.now = 21
    run.start_task("Bring the server to its state")
    clock.now = 30
    run.finish()
    return run


def test_plays_of_one_phase_add_up_and_the_clock_covers_the_run() -> None:
    run = _run()
    cluster = run.phases["K3s cluster"]
    assert (cluster.tasks, cluster.outcomes["changed"], cluster.outcomes["ok"]) == (2, 2, 1)
    assert cluster.seconds == 20
    assert run.seconds == 30


def test_the_slowest_tasks_are_named_and_their_times_add_up() -> None:
    run = _run()
    assert run.slowest(2) == [("Bring the server to its state", 21), ("Bring the agent to its state", 8)]
    text = as_text(run, "site.yml", [], [], 0, max_changes=9)
    assert "21.0  Bring the server to its state" in text
    assert "Apply" not in text, "a task of a second is not worth a line"
    assert as_dict(run, "site.yml", [], [], 0)["slowest"][-1] == {"task": "Apply", "seconds": 1}


def test_verdict_names_changes_faults_and_rescued_faults() -> None:
    run = _run()
    assert as_dict(run, "site.yml", [], [], 0)["verdict"] == "ok, 2 changed"
    run.record("account", "Apply", "failed")
    assert as_dict(run, "site.yml", [], [], 0)["verdict"] == "FAILED (1 fault)"
    assert as_dict(run, "site.yml", [], [], 1)["verdict"] == "ok, 2 changed"


def test_text_lists_hosts_per_changed_task_and_next_steps() -> None:
    text = as_text(_run(), "site.yml", ["5 answer"], ["open http://10.0.0.1/"], 0, max_changes=1)
    assert "Bring the server to its state  (s1)" in text
    assert "and 1 more" in text
    assert "open http://10.0.0.1/" in text
    assert "5 answer" in text


@pytest.mark.parametrize(("ignored", "verdict"), [(True, "ok, nothing to change"), (False, "FAILED (1 fault)")])
def test_a_host_that_a_task_may_miss_is_no_fault(ignored: bool, verdict: str) -> None:
    class Named(SimpleNamespace):
        def get_name(self) -> str:
            return "x"

    callback: Any = CallbackModule()
    callback.v2_playbook_on_play_start(Named())
    result = SimpleNamespace(host=Named(), task=Named(), task_fields={"ignore_unreachable": ignored})
    callback.v2_runner_on_unreachable(result)
    assert as_dict(callback._run, "site.yml", [], [], 0)["verdict"] == verdict
