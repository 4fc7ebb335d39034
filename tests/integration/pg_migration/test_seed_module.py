"""The seed as Ansible runs it: out of an archive that is gone when the module ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import launch

from tests.integration.pg_clusters import PASSWORD
from tests.integration.pg_migration.conftest import Move, until
from tests.integration.pg_migration.test_seed import MIB, SMALL_PARTS, copied

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def play(big_move: Move) -> list[str]:
    """A playbook with one task, its passwords in a file."""
    ends, settings = big_move.ends, big_move.settings(**SMALL_PARTS)
    login = ("host", "port", "dbname", "username", "password")
    given = {
        "verb": "seed", "folder": settings.folder, "run_folder": settings.run_folder, "jobs": 2, "part_bytes": MIB,
        "source": {key: getattr(ends.source, key) for key in login}, "source_ca_file": ends.source.ca_file,
        "target": {key: getattr(ends.target, key) for key in login}, "target_ca_file": ends.target.ca_file,
        "publisher": asdict(ends.publisher), "returner": asdict(ends.returner),
    }  # fmt: skip
    variables = {"given": given, "ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (big_move.folder / "vars.json").write_text(json.dumps(variables))
    task = {"tiketi.platform.postgres_migration": "{{ given | combine({'rate_limit': rate | int}) }}"}
    (big_move.folder / "play.yml").write_text(
        json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}])
    )
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-e", f"@{big_move.folder / 'vars.json'}"]
    return [*command, str(big_move.folder / "play.yml")]


def below(number: int) -> set[int]:
    """Ansible, its worker and the module: everything that it started, in whichever session."""
    children = Path(f"/proc/{number}/task").glob("*/children")
    found = {int(child) for file in children for child in file.read_text().split()}
    return found.union(*(below(child) for child in found))


@pytest.mark.full
def test_copying_survives_a_killed_ansible(big_move: Move, play: list[str]) -> None:
    environment = {
        **os.environ,
        "ANSIBLE_LOCAL_TEMP": str(big_move.folder / "t"),
        "ANSIBLE_REMOTE_TEMP": str(big_move.folder / "t"),
    }
    first = subprocess.Popen([*play, "-e", f"rate={3 * MIB}"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    until(lambda: copied(big_move) >= 1)
    kept = {launch.pid(launch.Unit(big_move.context(), what)) for what in ("seed", "snapshot")}
    for process in {first.pid, *below(first.pid)} - kept:
        os.kill(process, signal.SIGKILL)
    first.wait()
    number = launch.pid(launch.Unit(big_move.context(), "seed"))
    assert number, "the copying died with Ansible"
    command = Path(f"/proc/{number}/cmdline").read_text().split("\0")
    assert any(str(big_move.folder / "work") in word and word.endswith(".zip") for word in command), (
        "it runs from its own copy of the code"
    )
    assert PASSWORD not in "\0".join(command)

    second = subprocess.run(
        [*play, "-e", "rate=0"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert second.returncode == 0, second.stdout + second.stderr
    assert "changed=1" in second.stdout
    assert PASSWORD not in second.stdout + second.stderr
    assert big_move.context().journal.phase == "seeded"
    big_move.same_rows()
    third = subprocess.run(
        [*play, "-e", "rate=0"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert "changed=0" in third.stdout, third.stdout
