"""The role as a play runs it, and a cluster as Debian makes it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.locate import Choice
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.target import Admin

from tests.integration.pg_clusters import Cluster, _spare_port
from tests.integration.pg_source.conftest import PASSWORD, Source
from tests.scratch import scratch

ROOT = Path(__file__).parents[3]


def play(folder: Path, variables: dict[str, Any], *options: str) -> str:
    file = folder / "vars.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(variables))
    book = folder / "play.yml"
    # What it left as a fact is asserted by the play itself.
    book.write_text(
        "- hosts: localhost\n  connection: local\n  gather_facts: false\n  roles: [tiketi.platform.postgres_source]\n"
        "  tasks:\n    - ansible.builtin.assert: {that: postgres_source_facts.ready == expected_ready}\n"
    )
    argv = ["ansible-playbook", str(book), "-i", "localhost,", "-e", f"@{file}", *options]
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    }
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.full
def test_the_role_announces_restarts_once_and_hands_over(service: Source, tmp_path: Path) -> None:
    variables = {
        "platform_project": "x", "platform_stage": "y", "platform_region": "z", "platform_state_dir": str(tmp_path), "expected_ready": False,
        "ansible_python_interpreter": sys.executable, "postgres_source_data_directory": service.choice.data_directory,
        "postgres_source_admin_username": "postgres", "postgres_source_admin_password": "admin",
        "postgres_source_login": {"username": "mover", "password": PASSWORD}, "postgres_source_address": "127.0.0.1",
        "postgres_source_cidrs": ["127.0.0.1/32"], "postgres_source_folder": str(service.folder),
    }  # fmt: skip
    said = play(tmp_path, variables, "--check", "--diff")
    assert "it is left to you" in said
    assert "+ wal_level = logical  # from the next restart on" in said
    assert not service.folder.exists()
    done = play(
        tmp_path,
        variables
        | {"postgres_source_restart": "allowed", "postgres_source_require_ready": True, "expected_ready": True},
        "-v",
    )
    assert done.index("it is done now") < done.index("restart PostgreSQL for wal_level")
    for text in (said, done):
        assert PASSWORD not in text
    assert "changed=0" in play(tmp_path, variables | {"postgres_source_restart": "allowed", "expected_ready": True})
    with service.connect((tmp_path / "postgres-source-localhost.pem").read_text()) as session:
        assert session.execute("SELECT count(*) FROM seats").fetchone() == (100,)


@pytest.fixture
def debian() -> Iterator[tuple[Cluster, str]]:
    if shutil.which("pg_createcluster") is None:
        pytest.skip("postgresql-common is not here")
    name, port = f"source{uuid.uuid4().hex[:6]}", _spare_port()
    folder = scratch("platform-source-")
    folder.chmod(0o755)
    data = folder / "data"
    create = [
        "pg_createcluster",
        "15",
        name,
        "-d",
        str(data),
        "-p",
        str(port),
        "--start-conf",
        "manual",
        "--locale",
        "C.UTF-8",
        "--",
        "--no-sync",
    ]
    try:
        subprocess.run(create, check=True, capture_output=True)
        subprocess.run(["pg_ctlcluster", "15", name, "start"], check=True, capture_output=True)
        yield Cluster("source", data, port, folder, folder), name
    finally:
        subprocess.run(["pg_dropcluster", "15", name, "--stop"], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_cluster_of_debian_is_kept_by_its_own_commands(debian: tuple[Cluster, str], tmp_path: Path) -> None:
    """Peer authentication, files below /etc, snakeoil, and pg_ctlcluster."""
    cluster, name = debian
    source = Source(
        Choice(data_directory=str(cluster.data)), Admin(), tmp_path / "platform_source", "postgres", cluster.port
    )
    done = source(restart=True)
    assert (done["ready"], done["where"]["label"]) == (True, f"service 15/{name}")
    assert done["restart"]["how"].startswith(f"pg_ctlcluster --mode fast 15 {name} restart")
    assert "make a certificate for 127.0.0.1 and its authority" in done["actions"]
    assert f"/etc/postgresql/15/{name}/pg_hba.conf" in done["actions"][-2]
    with source.connect(done["publisher"]["ca"]) as session:
        assert session.execute("SHOW wal_level").fetchone() == ("logical",)
    source.choice = replace(source.choice, where="service")
    assert not source(restart=True)["changed"]
