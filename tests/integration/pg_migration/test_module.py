"""The whole move as Ansible runs it, verb after verb, under writers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.integration.pg_clusters import PASSWORD
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import GRANTS, LEDGER, Writers, sides
from tests.waiting import crowded

ROOT = Path(__file__).resolve().parents[3]
LOGIN = ("host", "port", "dbname", "username", "password")


def playbook(move: Move, verbs: list[str], **more: Any) -> list[str]:
    ends, settings = move.ends, move.settings()
    given = {
        "folder": settings.folder, "run_folder": settings.run_folder, "jobs": 2, "application_roles": ["shopper"],
        "source": {key: getattr(ends.source, key) for key in LOGIN}, "source_ca_file": ends.source.ca_file,
        "target": {key: getattr(ends.target, key) for key in LOGIN}, "target_ca_file": ends.target.ca_file,
        "publisher": asdict(ends.publisher), "returner": asdict(ends.returner), "freeze_budget": 10 * crowded(), **more,
    }  # fmt: skip
    variables = {"given": given, "verbs": verbs, "ansible_connection": "local"}
    variables["ansible_python_interpreter"] = sys.executable
    (move.folder / "vars.json").write_text(json.dumps(variables))
    names = {key: f"{{{{ given.{key} }}}}" for key in given}
    tasks = [
        {
            "tiketi.platform.postgres_migration": {**names, "verb": "{{ item }}"},
            "loop": "{{ verbs }}",
            "register": "did",
            "no_log": True,
        },
        {"tiketi.platform.postgres_migration_info": names, "register": "now"},
        {"debug": {"msg": "{{ did.results | map(attribute='message') + [now.message] }}"}},
    ]
    (move.folder / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-e", f"@{move.folder / 'vars.json'}"]
    return [*command, str(move.folder / "play.yml")]


def play(move: Move, *verbs: str, check: bool = False, **more: Any) -> str:
    temporary = {name: str(move.folder / "t") for name in ("ANSIBLE_LOCAL_TEMP", "ANSIBLE_REMOTE_TEMP")}
    command = [*playbook(move, list(verbs), **more), *(["--check", "--diff"] if check else [])]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **temporary}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    return done.stdout


@pytest.mark.full
def test_the_whole_move_and_the_way_back(move: Move) -> None:
    move.on_source(LEDGER)
    move.on_source(GRANTS)
    said = play(move, "preflight", "seed", check=True)
    assert "new: nothing was moved yet" in said
    assert move.on_target("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    writers = Writers(move)
    with writers.writing():
        play(move, "preflight", "seed", "follow", "verify")
        # Rights are not moved: role postgres_access gives them, on a database that is still closed to writers.
        move.on_target(f"BEGIN READ WRITE; {GRANTS}; COMMIT")
        said = play(move, "cutover")
        assert "switched: applications write to the target" in said
        writers.more()
        assert "changed=0" in play(move, "cutover")
        writers.more()
        assert sides(move) == (False, True)
        said = play(move, "rollback")
        assert "returned: applications write to the source again" in said
        writers.more()
        assert sides(move) == (True, False)
    assert writers.lost(move.source) == []
    assert "changed=1" in play(move, "finish")
    assert "changed=0" in play(move, "finish")
    assert move.source.execute("SELECT count(*) FROM pg_replication_slots") == [(0,)]
