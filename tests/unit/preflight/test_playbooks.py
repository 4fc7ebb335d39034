"""Each playbook that is run by itself checks its inputs first: here with Ansible, and without AWS."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.names import SURVEY, misspelt

from tests.unit.inventory.stages import catalogue
from tests.unit.preflight.test_stages import faults, groups_of

MANAGED = Path("inventories/managed")


def play(tmp_path: Path, playbook: str, told: Mapping[str, Any], *more: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook on the stage managed, whose host has an address that nobody connects to."""
    address = tmp_path / "address.yml"
    address.write_text(yaml.safe_dump({"all": {"hosts": {"app-1": {"ansible_host": "192.0.2.1"}}}}))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), playbook, "-i", "inventories/managed/hosts.yml"]
    command += ["-i", str(address), "-e", json.dumps({"preflight_account": False, **told}), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("playbook", "more"), [("site.yml", ()), ("migrate_postgres.yml", ("--check",)), ("retire_stores.yml", ())]
)
def test_bad_input_of_the_move_ends_it_before_anything_is_touched(
    tmp_path: Path, playbook: str, more: tuple[str, ...]
) -> None:
    told = {"migration_stp": "preflight", "migration_step": "sed", "postgres_migration_freze_budget": 3}
    done = play(tmp_path, f"playbooks/{playbook}", told, *more)
    assert done.returncode == 2, done.stdout + done.stderr
    for words in (
        "3 inputs are wrong; nothing was touched.",
        "migration_stp: is not an option of any role",
        "did you mean migration_step?",
        'migration_step: is the text "sed"',
        "choose one of auto, preflight, seed, follow, verify, cutover, rollback, finish",
        "did you mean postgres_migration_freeze_budget?",
    ):
        assert words in done.stdout, done.stdout


def test_the_keys_of_a_dictionary_are_checked_where_one_of_them_is_known_later_only(tmp_path: Path) -> None:
    """As in the inventory: the target of Redis is a fact of the run."""
    told = {
        "postgres_migration_redis": {
            "source_secret": "tiketi/single/redis",
            "target": "{{ hostvars['account']['redis_facts'] }}",
            "copy_cahce": True,
            "share_tokn": False,
            "keys": [{"keys": "cache:*", "kind": "cash"}],
            "copy_cache": "{{ 1 == 1 }}",
        },
        "postgres_migration_pooler": {"databse": "tiketi", "active_file": "/a", "pause_timeout": 0},
        "postgres_migration_publisher": {"usrname": "x", "password": 471147, "sslmode": "verify-full"},
    }
    done = play(tmp_path, "playbooks/migrate_postgres.yml", told)
    assert done.returncode == 2, done.stdout + done.stderr
    for words in (
        "10 inputs are wrong; nothing was touched.",
        "postgres_migration_redis.copy_cahce: is unknown",
        "postgres_migration_redis.share_tokn: is unknown",
        "postgres_migration_redis.keys[0].kind: is the text",
        "postgres_migration_pooler.databse: is unknown",
        "postgres_migration_pooler.database: is missing",
        "postgres_migration_pooler.pause_timeout: is the number 0",
        "postgres_migration_publisher.usrname: is unknown",
        "postgres_migration_publisher.password: is not text",
        "publisher.sslmode verify-full needs publisher.ca_file",
        "publisher: username and password belong together",
    ):
        assert words in done.stdout, done.stdout
    assert "471147" not in done.stdout


@pytest.mark.parametrize(
    ("playbook", "needs"),
    [("site.yml", True), ("migrate_postgres.yml", False), ("retire_stores.yml", False)],
)
def test_what_a_playbook_does_not_run_is_not_asked_for(playbook: str, needs: bool) -> None:
    """Else the way back of a move would need what builds images, and the end of the old stores what makes them."""
    groups = groups_of(MANAGED)
    assert ("container_image" in catalogue(playbook).active(groups)) is needs
    address = {"app-1": {"ansible_host": "192.0.2.1"}}
    missing = [fault for fault in faults(MANAGED, {}, address, playbook) if "is missing" in fault.what]
    assert missing == []


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        *((name, "did you mean migration_step?") for name in ("migration_stp", "migration_steps", "migration_setp")),
        *((name, "did you mean migration_step?") for name in ("migrations_step", "migraton_step")),
        ("migration_restart", "did you mean postgres_migration_restart?"),
        ("migration_until", "did you mean postgres_migration_until?"),
    ],
)
def test_a_misspelt_verb_would_be_the_cutover(name: str, mend: str) -> None:
    found = list(misspelt([name, "migration_step"], catalogue().options(), catalogue().roles))
    assert [(fault.object, fault.mend) for fault in found] == [(name, mend)]


def test_a_variable_of_a_survey_is_that_of_a_role() -> None:
    options = catalogue().options()
    for name, option in SURVEY.items():
        assert options[name] is options[option]
