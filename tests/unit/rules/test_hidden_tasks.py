"""A task with no_log hides why it failed, so the rescue of its block shows the reason.

A task after it that judges its result is no way: of a module that ended by an exception, failed_when: false leaves no msg.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROOT = Path(__file__).resolve().parents[3]
PLACES = ("roles/*/tasks/*.yml", "roles/*/handlers/*.yml", "playbooks/*.yml", "molecule/*/*.yml")
NESTED = ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers")
FAIL = "ansible.builtin.fail"

# file -> why nobody says why its hidden tasks failed
EXCEPTIONS: dict[str, str] = {
    "molecule/data_stores/side_effect.yml": "a test that fails is looked into by hand, with the hiding off",
}


def task_lists(node: Any, rescued: bool = False) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    """Every list of tasks in a file, those of blocks and plays too; and whether a rescue says why one of them failed."""
    if not isinstance(node, list) or not all(isinstance(entry, dict) for entry in node):
        return
    yield node, rescued
    for entry in node:
        says = any("ansible_failed_result.msg" in str(task.get(FAIL)) for task in entry.get("rescue", []))
        for key in NESTED:
            yield from task_lists(entry.get(key), says if key == "block" else False)


def faults(tasks: list[dict[str, Any]], rescued: bool) -> Iterator[str]:
    for task in tasks:
        name = task.get("name", "?")
        if "no_log" not in task:
            continue
        if "block" in task:
            yield f"{name}: no_log on a block hides more than the task that has the secret"
        elif not rescued:
            yield f"{name}: put it into a block whose rescue shows ansible_failed_result.msg"
        elif task.get("failed_when") is False:
            yield f"{name}: failed_when: false keeps it from its rescue"


def found_in(node: Any) -> list[str]:
    return [fault for tasks, rescued in task_lists(node) for fault in faults(tasks, rescued)]


FILES = sorted({path for place in PLACES for path in ROOT.glob(place)})
HIDING = [
    path for path in FILES if "no_log:" in path.read_text() and path.relative_to(ROOT).as_posix() not in EXCEPTIONS
]


@pytest.mark.parametrize("path", HIDING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_rescue_says_why_a_hidden_task_failed(path: Path) -> None:
    found = found_in(yaml.safe_load(path.read_text()))
    assert not found, "\n".join([f"in {path.relative_to(ROOT)}", *found])


def test_the_exceptions_are_needed() -> None:
    for name in EXCEPTIONS:
        assert found_in(yaml.safe_load((ROOT / name).read_text())), f"{name} needs no exception any more"


REASONS = [
    task[FAIL]["msg"]
    for path in HIDING
    for tasks, _rescued in task_lists(yaml.safe_load(path.read_text()))
    for entry in tasks
    for task in entry.get("rescue", [])
    if FAIL in task
]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"msg": "refused"}, "refused"),
        ({"msg": "no json", "module_stderr": ""}, "no json"),
        ({"msg": "no json", "module_stderr": "Killed"}, ("Killed", "no json")),
        ({}, ("the module said nothing", "no reason given")),
    ],
)
def test_what_a_rescue_says_of_each_end_of_a_module(result: dict[str, str], said: str | tuple[str, ...]) -> None:
    assert len(REASONS) > 10
    for reason in REASONS:
        known = dict.fromkeys(re.findall(r"\b(?:__)?[a-z0-9]+_\w+\b", reason), "x") | {"ansible_failed_result": result}
        text = Templar(loader=DataLoader(), variables=known).template(trust_as_template(reason))
        assert text.strip(" .\n").endswith(said), reason


BARE = {"name": "hide", "no_log": True}
QUIET = BARE | {"register": "r", "failed_when": False}
SAYS = {FAIL: {"msg": "{{ ansible_failed_result.msg }}"}}
JUDGE = {"ansible.builtin.assert": {"that": "r.x is defined", "fail_msg": "{{ r.msg }}"}}


@pytest.mark.parametrize(
    ("tasks", "word"),
    [
        ([BARE, JUDGE], "put it into a block"),
        ([QUIET, JUDGE], "put it into a block"),
        ([{"block": [JUDGE], "no_log": True}], "on a block"),
        ([{"rescue": [BARE]}], "put it into a block"),
        ([{"block": [BARE], "rescue": [SAYS]}], ""),
        ([{"block": [QUIET], "rescue": [SAYS]}], "keeps it from its rescue"),
        ([{"block": [BARE], "rescue": [{FAIL: {"msg": "it failed"}}]}], "put it into a block"),
        ([{"block": [{"block": [BARE]}], "rescue": [SAYS]}], "put it into a block"),
    ],
)
def test_the_rule_itself(tasks: list[dict[str, Any]], word: str) -> None:
    found = found_in(tasks)
    assert [word in fault for fault in found] == ([True] if word else [])
