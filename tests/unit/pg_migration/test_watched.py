"""What a person sees while writers are moved: read beside the module, over a connection of its own."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import become_loader, connection_loader
from ansible_collections.tiketi.platform.plugins.action import postgres_migration as action
from ansible_collections.tiketi.platform.plugins.module_utils._cutover import run as cutovers
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import context as contexts
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import undo
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Ends, Peer, Settings
from ansible_collections.tiketi.platform.plugins.plugin_utils import moving_words, onlooker

SOURCE = {"host": "10.0.0.1", "port": 5432, "dbname": "shop", "username": "u", "password": "p"}
TARGET = {**SOURCE, "host": "aurora.example"}


def ledger_in(folder: Path, verb: str) -> undo.Ledger:
    """As the module keeps it on its host."""
    peer = Peer("h", 1, "u", "p", "require", "")
    ends = Ends(Endpoint(side="source", **SOURCE), Endpoint(side="target", **TARGET), peer, peer)  # type: ignore[arg-type]
    return undo.Ledger(contexts.make(ends, Settings(folder=str(folder))), verb)


def read(ledger: undo.Ledger, verb: str, elapsed: float) -> str:
    texts = []
    for name in moving_words.FILES:
        path = ledger.context.journal.folder / name
        texts.append(path.read_text() if path.exists() else "")
    return moving_words.line(verb)(time.time(), texts, elapsed)


def test_each_step_says_what_it_means_for_writers(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path, undo.CUTOVER)
    assert read(ledger, "cutover", 5) == ""  # there is no journal yet
    ledger.step(cutovers.PREPARING)
    assert read(ledger, "cutover", 5) == "cutover: users work"
    ledger.tell("redis r:6379: first pass, 10 of about 40 keys")
    assert read(ledger, "cutover", 5) == "cutover: users work, redis r:6379: first pass, 10 of about 40 keys"
    ledger.step(cutovers.SETTLING)
    ledger.note("drain")
    assert read(ledger, "cutover", 5) == "cutover: writers wait, settling/drain"
    assert read(ledger, "rollback", 5) == ""
    ledger.step("")
    assert read(ledger, "cutover", 5) == ""
    # Every step has its words; the first is over at once.
    steps = {cutovers.PREPARING, cutovers.FREEZING, cutovers.SETTLING, cutovers.SWITCHING, *cutovers.DECIDED}
    assert set(moving_words.WORDS) == steps | {cutovers.REOPENING}


def test_what_an_earlier_run_has_left_is_not_said_of_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = ledger_in(tmp_path, undo.ROLLBACK)
    ledger.step(cutovers.SETTLING)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 60)
    assert read(ledger, "rollback", 3) == ""
    assert read(ledger, "rollback", 70) == "rollback: writers wait"  # of a step of this run that takes long


def test_the_folder_is_the_journals(tmp_path: Path) -> None:
    kept = str(ledger_in(tmp_path, undo.CUTOVER).context.journal.folder)
    given = {"source": {**SOURCE, "port": "5432"}, "target": TARGET, "folder": str(tmp_path)}
    assert moving_words.folder(given, "/elsewhere") == kept
    assert moving_words.folder({**given, "source": {k: v for k, v in SOURCE.items() if k != "port"}}, "") == kept
    assert moving_words.folder({**given, "folder": None}, "/var/lib/x").startswith("/var/lib/x/")
    for cannot in ({"folder": "~/x"}, {"folder": "$HOME/x"}, {"folder": "/$X"}, {"source": None}):
        assert moving_words.folder({**given, **cannot}, "/x") == ""


# Stands for sudo, which not every machine has: options, then a command.
SUDO = """#!/bin/sh
while true; do case "$1" in -u) shift 2 ;; -*) shift ;; *) break ;; esac; done
exec "$@"
"""


def plugin(**task: Any) -> action.ActionModule:
    """With the connection of this machine, and rights that are asked for."""
    play = PlayContext()
    local = connection_loader.get("local", play, "/dev/null")
    become = become_loader.get("sudo")
    local.set_become_plugin(become)
    known = {"check_mode": False, "async_val": 0, "become": False, "environment": None, **task}
    made = action.ActionModule(MagicMock(**known), local, play, MagicMock(), MagicMock(), MagicMock())
    made._loader.get_basedir.return_value = "/"
    return made


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    display = MagicMock(display=lines.append)
    for module in (action, onlooker):
        monkeypatch.setattr(module, "Display", lambda: display)
    monkeypatch.setattr(onlooker, "INTERVAL", 0.05)
    return lines


def until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_tells_while_the_module_is_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: list[str]
) -> None:
    ledger = ledger_in(tmp_path, undo.CUTOVER)
    arguments = {"verb": "cutover", "source": SOURCE, "target": TARGET, "folder": str(tmp_path)}
    one = plugin(args=arguments)
    (tmp_path / "sudo").write_text(SUDO)
    (tmp_path / "sudo").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    before = dict(vars(one._connection)), dict(vars(one._connection.become))

    def execute(**_given: Any) -> dict[str, Any]:
        ledger.step(cutovers.PREPARING)
        ledger.tell("postgresql: copies large objects, 7 MiB so far")
        until(lambda: shown)
        # Half a file, as a disk that is full leaves it: looked over, and looked at again.
        journal = ledger.context.journal.folder / "journal.json"
        whole = journal.read_text()
        journal.write_text(whole[: len(whole) // 2])
        time.sleep(0.3)
        journal.write_text(whole)
        ledger.step(cutovers.SWITCHING)
        ledger.note("point")
        until(lambda: len(shown) > 1)
        return {"changed": True, "phase": "switched"}

    monkeypatch.setattr(one, "_execute_module", execute)
    assert one.run(task_vars={})["phase"] == "switched"
    ended = len(shown)
    assert shown[0] == "  cutover: users work, postgresql: copies large objects, 7 MiB so far"
    assert shown[-1] == "  cutover: writers wait, switching/point"
    ledger.step(cutovers.OPENED)
    time.sleep(0.3)
    assert len(shown) == ended, "nobody looks on when the module has ended"
    # What a command leaves in a connection (prompts, flags, a folder) is that of the onlooker's own.
    assert (dict(vars(one._connection)), dict(vars(one._connection.become))) == before
    assert one._connection.become.success == "", "a command with these rights was run, but not for the module"
    assert json.loads((ledger.context.journal.folder / "journal.json").read_text())["cutover"]["step"] == "opened"


@pytest.mark.parametrize("which", ["verb", "check", "transport"])
def test_it_looks_only_where_something_can_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: list[str], which: str
) -> None:
    arguments = {"verb": "cutover", "source": SOURCE, "target": TARGET, "folder": str(tmp_path)}
    one = plugin(args={**arguments, "verb": "seed"} if which == "verb" else arguments, check_mode=which == "check")
    if which == "transport":
        monkeypatch.setattr(type(one._connection), "transport", "community.aws.aws_ssm")
    asked: list[str] = []
    monkeypatch.setattr(action.ActionModule, "_low_level_execute_command", lambda _self, script: asked.append(script))

    def execute(**_given: Any) -> dict[str, Any]:
        time.sleep(0.3)
        return {"changed": False}

    monkeypatch.setattr(one, "_execute_module", execute)
    assert one.run(task_vars={}) == {"changed": False}
    assert asked == []


def test_a_host_that_does_not_answer_the_onlooker_does_not_hold_up_the_move(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: list[str]
) -> None:
    arguments = {"verb": "rollback", "source": SOURCE, "target": TARGET, "folder": str(tmp_path)}
    one = plugin(args=arguments)
    asked: list[str] = []

    def hang(_self: Any, script: str) -> dict[str, Any]:
        asked.append(script)
        time.sleep(8)
        return {"stdout": ""}

    def execute(**_given: Any) -> dict[str, Any]:
        until(lambda: asked)
        return {"changed": True}

    monkeypatch.setattr(action.ActionModule, "_low_level_execute_command", hang)
    monkeypatch.setattr(one, "_execute_module", execute)
    began = time.monotonic()
    assert one.run(task_vars={}) == {"changed": True}
    assert time.monotonic() - began < 6
    assert shown == []
