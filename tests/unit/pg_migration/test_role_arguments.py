"""The dictionaries that role postgres_migration takes: their keys are named, by the role as by its module."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.args import PEER_OPTIONS, POOLER_OPTIONS

SPEC = yaml.safe_load(Path("roles/postgres_migration/meta/argument_specs.yml").read_text())["argument_specs"]["main"]
REDIS = yaml.safe_load(Path("roles/redis_migration/meta/argument_specs.yml").read_text())["argument_specs"]["main"]


def options(name: str) -> dict[str, dict[str, Any]]:
    """Without what only a reader needs, and without what stands at a dictionary that may be empty."""
    found = SPEC["options"][f"postgres_migration_{name}"]["options"]
    return {key: {k: v for k, v in spec.items() if k != "description"} for key, spec in found.items()}


@pytest.mark.parametrize(
    ("name", "module"), [("publisher", PEER_OPTIONS), ("returner", PEER_OPTIONS), ("pooler", POOLER_OPTIONS)]
)
def test_the_role_knows_the_keys_of_its_module(name: str, module: Mapping[str, Mapping[str, Any]]) -> None:
    assert options(name) == {key: {k: v for k, v in spec.items() if k != "required"} for key, spec in module.items()}


def test_redis_in_the_same_freeze_takes_what_the_role_of_redis_takes() -> None:
    ours, theirs = SPEC["options"]["postgres_migration_redis"]["options"], REDIS["options"]
    assert set(ours) - {"target_ca_file"} <= {name.removeprefix("redis_migration_") for name in theirs}
    for name in set(ours) - {"target_ca_file"}:
        for key in ("type", "elements", "default", "choices"):
            assert ours[name].get(key) == theirs[f"redis_migration_{name}"].get(key), (name, key)
    assert set(ours["keys"]["options"]) == set(REDIS["options"]["redis_migration_keys"]["options"])


def role(tmp_path: Path, **told: Any) -> subprocess.CompletedProcess[str]:
    """Run the role dry against a target that does not exist yet, on a host that cannot ask the source: it ends behind the check
    of its arguments."""
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {
            "postgres_migration_database": {"host": ""},
            "postgres_migration_source_secret": "tiketi/single/postgres",
            "postgres_migration_source_ca_file": str(tmp_path / "not-there.pem"),
            "postgres_migration_region": "ap-northeast-2",
            "postgres_migration_report_dir": str(tmp_path),
            "later": {"host": "new", "port": 6379, "secret": "s", "ca_file": "/x", "name": "y"},
            **{f"postgres_migration_{name}": value for name, value in told.items()},
        },
        "roles": ["tiketi.platform.postgres_migration"],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    login = {"host": "old", "dbname": "d", "username": "someone", "password": "a-secret-of-nobody"}
    redis = {"host": "old", "password": "another-secret-of-nobody"}
    # In place of AWS.
    source = json.dumps({"__postgres_migration_source": login, "__postgres_migration_redis_secret": redis})
    command = [Path(sys.executable).with_name("ansible-playbook"), tmp_path / "play.yml", "--check", "-e", source]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_values_that_are_templates_and_empty_ones_are_taken(tmp_path: Path) -> None:
    redis = {"source_secret": "{{ later.secret }}", "target": "{{ later }}", "share_token": "{{ later.port == 1 }}"}
    redis["source_ca_file"] = str(tmp_path / "no-redis-ca.pem")
    done = role(tmp_path, redis=redis, publisher={}, pooler={"database": "{{ later.name }}", "active_file": "/a"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The target does not exist before the first real run" in done.stdout
    said = " ".join(done.stdout.split())
    assert "this host is not prepared yet (role data_runner)" in said
    assert "Redis would move along from s: this host is not prepared yet" in said


def test_unknown_keys_are_refused_by_name_and_all_at_once(tmp_path: Path) -> None:
    done = role(
        tmp_path,
        redis={"copy_cahce": True, "share_tokn": False, "keyz": []},
        pooler={"databse": "x"},
        publisher={"usrname": "x"},
        returner={"prot": 1},
    )
    assert done.returncode == 2, done.stdout + done.stderr
    for key in ("copy_cahce", "share_tokn", "keyz", "databse", "usrname", "prot"):
        assert key in done.stdout, done.stdout
