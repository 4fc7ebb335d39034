"""The roles as playbooks use them: secrets from Secrets Manager (moto), check mode, no second change, no secret in the output."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.integration.pg_clusters import BIN, DATABASE, PASSWORD, Cluster, run_psql

ROOT = Path(__file__).resolve().parents[3]
APP_PASSWORD = "Qw3-" + PASSWORD

PLAYBOOK = """
- hosts: account
  gather_facts: false
  roles:
    - role: tiketi.platform.postgres_restore
      vars:
        postgres_restore_database: "{{ database_facts }}"
    - role: tiketi.platform.postgres_access
      vars:
        postgres_access_database: "{{ database_facts }}"
"""


@pytest.fixture(scope="module")
def secrets_manager() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Stage:
    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.folder / "hosts.yml")]
        argv += [*arguments, str(self.folder / "play.yml")]
        return subprocess.run(argv, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False)


def changes(output: str) -> int:
    match = re.search(r"changed=(\d+)\s+unreachable=0\s+failed=0", output)
    assert match, output
    return int(match.group(1))


@pytest.fixture
def stage(clusters: tuple[Cluster, Cluster], target: Cluster, tmp_path: Path, secrets_manager: str) -> Iterator[Stage]:
    old = clusters[0]
    old.execute("DROP DATABASE IF EXISTS tiketi")
    old.execute("CREATE DATABASE tiketi")
    run_psql(old, "tiketi", DATABASE / "schema.sql", DATABASE / "seed.sql", scale="2000")
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": secrets_manager,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "ANSIBLE_NOCOLOR": "1",
    }
    client = boto3.client(
        "secretsmanager",
        "eu-west-1",
        endpoint_url=secrets_manager,
        aws_access_key_id="t",
        aws_secret_access_key="t",  # noqa: S106
    )
    source, new = old.endpoint("tiketi", "postgres"), target.endpoint("app")
    known = {
        "x/single/postgres": {
            "username": source.username,
            "password": source.password,
            "host": source.host,
            "port": source.port,
            "dbname": "tiketi",
            "engine": "postgres",
        },
        "x/y/aurora-master": {"username": new.username, "password": new.password},
        "x/y/app-database": {"username": "shop_app", "password": APP_PASSWORD},
    }
    for name, value in known.items():
        client.create_secret(Name=name, SecretString=json.dumps(value))
    facts = {"host": new.host, "port": new.port, "name": "app", "secret": "x/y/aurora-master"}
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "platform_project": "x",
        "platform_stage": "y",
        "platform_region": "eu-west-1",
        "platform_state_dir": str(tmp_path),
        "postgres_restore_folder": str(tmp_path / "work"),
        "postgres_restore_jobs": 2,
        "postgres_restore_source_ca_file": source.ca_file,
        "postgres_restore_target_ca_file": new.ca_file,
        "postgres_access_ca_file": new.ca_file,
        "database_facts": facts,
    }
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"account": variables}}}))
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    yield Stage(tmp_path, environment)
    for name in known:
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    target.execute("DROP DATABASE app WITH (FORCE)")
    target.execute("DROP ROLE IF EXISTS shop_app")


@pytest.mark.full
def test_check_then_run_then_nothing(stage: Stage, target: Cluster) -> None:
    checked = stage.run("--check", "--diff")
    assert changes(checked.stdout) == 2
    assert "to do: dump, restore, verify" in checked.stdout
    assert not (stage.folder / "work").exists()

    first = stage.run("-vvv")
    assert changes(first.stdout) > 0
    report = json.loads((stage.folder / "restore-app.json").read_text())
    assert report["rows"] > 2000
    assert len(report["tables"]) >= 20
    assert target.execute("SELECT count(*) FROM reservations", "app") == [(2000,)]

    second = stage.run()
    assert changes(second.stdout) == 0
    assert "already moved and verified" in second.stdout
    again = stage.run("-e", "postgres_restore_verify=always")
    assert changes(again.stdout) == 0
    assert "rows in" in again.stdout
    for output in (checked, first, second, again):
        for secret in (PASSWORD, APP_PASSWORD, json.dumps(PASSWORD)[1:-1]):
            assert secret not in output.stdout + output.stderr


def test_a_refusal_is_readable_though_the_task_is_hidden(stage: Stage, target: Cluster) -> None:
    target.execute("CREATE TABLE theirs (i int)", "app")
    refused = stage.run()
    assert refused.returncode != 0
    assert "target: it is not empty (table public.theirs)" in re.sub(r"\s+", " ", refused.stdout)
    assert "failed=1" in refused.stdout


def test_the_client_is_there() -> None:
    """Without it every test above would be skipped somewhere and nobody would know."""
    assert (BIN / "pg_dump").exists()
    assert shutil.which("setpriv"), "a killed run must take its clients with it"
