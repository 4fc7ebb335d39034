"""A task with no_log hides why it failed, so the task after it judges its result and shows the reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PLACES = ("roles/*/tasks/*.yml", "roles/*/handlers/*.yml", "playbooks/*.yml", "molecule/*/*.yml")
NESTED = ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers")
JUDGES = ("ansible.builtin.assert", "ansible.builtin.fail")

# file -> why its hidden tasks are judged by nobody
EXCEPTIONS: dict[str, str] = {
    "molecule/data_stores/side_effect.yml": "a test that fails is looked into by hand, with the hiding off",
}


def task_lists(node: Any) -> Iterator[list[dict[str, Any]]]:
    """Every list of tasks in a file, those of blocks and plays too."""
    if not isinstance(node, list) or not all(isinstance(entry, dict) for entry in node):
        return
    yield node
    for entry in node:
        for key in NESTED:
            yield from task_lists(entry.get(key))


def faults(tasks: list[dict[str, Any]]) -> Iterator[str]:
    for index, task in enumerate(tasks):
        if "no_log" not in task:
            continue
        name, result = task.get("name", "?"), task.get("register")
        if "block" in task:
            yield f"{name}: no_log on a block hides more than the task that has the secret"
        elif not result or task.get("failed_when") is not False:
            yield f"{name}: give it register and failed_when: false"
        elif not any(f"{result}.msg" in str(later.get(key)) for later in tasks[index + 1 :] for key in JUDGES):
            yield f"{name}: no later task asserts and shows {result}.msg"


FILES = sorted({path for place in PLACES for path in ROOT.glob(place)})
HIDING = [
    path for path in FILES if "no_log:" in path.read_text() and path.relative_to(ROOT).as_posix() not in EXCEPTIONS
]


@pytest.mark.parametrize("path", HIDING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_hidden_task_is_judged_by_a_later_one(path: Path) -> None:
    found = [fault for tasks in task_lists(yaml.safe_load(path.read_text())) for fault in faults(tasks)]
    assert not found, "\n".join([f"in {path.relative_to(ROOT)}", *found])


def test_the_exceptions_are_needed() -> None:
    for name in EXCEPTIONS:
        lists = task_lists(yaml.safe_load((ROOT / name).read_text()))
        assert any(True for tasks in lists for _fault in faults(tasks)), f"{name} needs no exception any more"


HIDDEN = {"name": "hide", "no_log": True, "register": "r", "failed_when": False}
JUDGE = {"ansible.builtin.assert": {"that": "r.x is defined", "fail_msg": "{{ r.msg }}"}}


@pytest.mark.parametrize(
    ("tasks", "word"),
    [
        ([HIDDEN, JUDGE], ""),
        ([{"name": "hide", "no_log": True}, JUDGE], "give it register"),
        ([{**HIDDEN, "failed_when": "x"}, JUDGE], "failed_when"),
        ([HIDDEN], "no later task"),
        ([JUDGE, HIDDEN], "no later task"),
        ([{"block": [HIDDEN, JUDGE], "no_log": True}], "on a block"),
        ([{"rescue": [HIDDEN]}], "no later task"),
    ],
)
def test_the_rule_itself(tasks: list[dict[str, Any]], word: str) -> None:
    found = [fault for one in task_lists(tasks) for fault in faults(one)]
    assert [word in fault for fault in found] == ([True] if word else [])
