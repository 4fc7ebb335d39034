"""A task with no_log hides why it failed, so a rescue shows the reason, or the task after it, which judges its result.

The rescue is the surer way: of a module that ended by an exception, failed_when: false leaves no msg.
"""

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


def task_lists(node: Any, rescued: bool = False) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    """Every list of tasks in a file, those of blocks and plays too; and whether a rescue says why one of them failed."""
    if not isinstance(node, list) or not all(isinstance(entry, dict) for entry in node):
        return
    yield node, rescued
    for entry in node:
        says = any(
            "ansible_failed_result.msg" in str(task.get(key)) for task in entry.get("rescue", []) for key in JUDGES
        )
        for key in NESTED:
            yield from task_lists(entry.get(key), says if key == "block" else False)


def faults(tasks: list[dict[str, Any]], rescued: bool) -> Iterator[str]:
    for index, task in enumerate(tasks):
        if "no_log" not in task:
            continue
        name, result = task.get("name", "?"), task.get("register")
        if "block" in task:
            yield f"{name}: no_log on a block hides more than the task that has the secret"
        elif rescued:
            continue
        elif not result or task.get("failed_when") is not False:
            yield f"{name}: put it into a block whose rescue shows ansible_failed_result.msg"
        elif not any(f"{result}.msg" in str(later.get(key)) for later in tasks[index + 1 :] for key in JUDGES):
            yield f"{name}: no later task asserts and shows {result}.msg"


def found_in(node: Any) -> list[str]:
    return [fault for tasks, rescued in task_lists(node) for fault in faults(tasks, rescued)]


FILES = sorted({path for place in PLACES for path in ROOT.glob(place)})
HIDING = [
    path for path in FILES if "no_log:" in path.read_text() and path.relative_to(ROOT).as_posix() not in EXCEPTIONS
]


@pytest.mark.parametrize("path", HIDING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_hidden_task_is_judged_by_a_later_one(path: Path) -> None:
    found = found_in(yaml.safe_load(path.read_text()))
    assert not found, "\n".join([f"in {path.relative_to(ROOT)}", *found])


def test_the_exceptions_are_needed() -> None:
    for name in EXCEPTIONS:
        assert found_in(yaml.safe_load((ROOT / name).read_text())), f"{name} needs no exception any more"


HIDDEN = {"name": "hide", "no_log": True, "register": "r", "failed_when": False}
BARE = {"name": "hide", "no_log": True}
SAYS = {"ansible.builtin.fail": {"msg": "{{ ansible_failed_result.msg }}"}}
JUDGE = {"ansible.builtin.assert": {"that": "r.x is defined", "fail_msg": "{{ r.msg }}"}}


@pytest.mark.parametrize(
    ("tasks", "word"),
    [
        ([HIDDEN, JUDGE], ""),
        ([BARE, JUDGE], "put it into a block"),
        ([{**HIDDEN, "failed_when": "x"}, JUDGE], "put it into a block"),
        ([HIDDEN], "no later task"),
        ([JUDGE, HIDDEN], "no later task"),
        ([{"block": [HIDDEN, JUDGE], "no_log": True}], "on a block"),
        ([{"rescue": [HIDDEN]}], "no later task"),
        ([{"block": [BARE], "rescue": [SAYS]}], ""),
        ([{"block": [BARE], "rescue": [{"ansible.builtin.fail": {"msg": "it failed"}}]}], "put it into a block"),
        ([{"block": [{"block": [BARE]}], "rescue": [SAYS]}], "put it into a block"),
    ],
)
def test_the_rule_itself(tasks: list[dict[str, Any]], word: str) -> None:
    found = found_in(tasks)
    assert [word in fault for fault in found] == ([True] if word else [])
