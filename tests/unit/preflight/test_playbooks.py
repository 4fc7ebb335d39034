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
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.migration import check_verb
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.names import SURVEY, misspelt

from tests.unit.inventory.stages import catalogue
from tests.unit.preflight.test_stages import faults, groups_of

MANAGED = Path("inventories/managed")
MOVE = Path("playbooks/migrate_postgres.yml")
VERBS = [verb for verb in catalogue().options()["migration_step"]["choices"] if verb != "auto"]


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
        "postgres_migration_returner": {
            "host": "{{ hostvars['account']['database_facts']['host'] }}",
            "ca_file": "{{ postgres_migraton_ca }}",
        },
        "postgres_migration_pooler": {"databse": "tiketi", "active_file": "/a", "pause_timeout": 0},
        "postgres_migration_publisher": {"usrname": "x", "password": 471147, "sslmode": "verify-full"},
    }
    done = play(tmp_path, "playbooks/migrate_postgres.yml", told)
    assert done.returncode == 2, done.stdout + done.stderr
    for words in (
        "11 inputs are wrong; nothing was touched.",
        "postgres_migration_returner: 'postgres_migraton_ca' is undefined",
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


def test_the_move_alone_makes_what_it_needs_of_the_new_side() -> None:
    """From a living stage before, without site.yml: stores, and a pooler and a proxy that trust them, before anything is moved."""
    uses = [use for play in catalogue(MOVE.name).plays for use in play.roles]
    order = [f"{use.name}.{use.entry}" for use in uses]
    wanted = ["secrets.main", "network.main", "aurora_postgres.create", "aurora_postgres.ready", "source_stores.main"]
    wanted += ["data_runner.main", "pgbouncer.main", "redis_proxy.main", "postgres_migration.main"]
    places = [order.index(role) for role in wanted]
    assert places == sorted(places), order
    assert not {"container_image", "compose_app", "static_site"} & {use.name for use in uses}, "more than it needs"


def listed(*more: str) -> list[str]:
    command = [Path(sys.executable).with_name("ansible-playbook"), MOVE, "-i", "inventories/managed/hosts.yml"]
    done = subprocess.run([*command, "--list-tasks", *more], capture_output=True, text=True, check=True)
    return [line.partition("\tTAGS")[0] for line in done.stdout.splitlines()]


def test_a_verb_as_a_tag_leaves_no_task_out() -> None:
    everything = listed()
    assert listed("--tags", "seed") == everything
    assert any("postgres_migration" in line or "Copy, follow, compare" in line for line in everything)
    for entry in yaml.safe_load(MOVE.read_text()):
        assert entry["tags"] == VERBS, entry["name"]


@pytest.mark.parametrize(
    ("more", "verb"), [([], "auto"), (["--tags", "seed"], "seed"), (["-e", "migration_step=rollback"], "rollback")]
)
def test_the_verb_of_a_run(tmp_path: Path, more: list[str], verb: str) -> None:
    told = [entry["vars"] for entry in yaml.safe_load(MOVE.read_text()) if "migration_step" in entry.get("vars", {})]
    assert len(told) == 3
    task = {"ansible.builtin.debug": {"msg": "does {{ migration_step }}"}}
    play = {"hosts": "localhost", "gather_facts": False, "vars": told[0], "tasks": [task], "tags": VERBS}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    command = [Path(sys.executable).with_name("ansible-playbook"), tmp_path / "play.yml", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"does {verb}" in done.stdout, done.stdout


def test_a_run_does_one_verb(tmp_path: Path) -> None:
    done = play(tmp_path, str(MOVE), {"migration_step": "verify"}, "--tags", "seed,cutover")
    assert done.returncode == 2, done.stdout + done.stderr
    for words in (
        "2 inputs are wrong; nothing was touched.",
        "--tags: names the verbs seed, cutover, and a run does one",
        "migration_step: is verify, but --tags asks for seed",
    ):
        assert words in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("tags", "given", "count"),
    [
        (["all"], {"migration_step": "seed"}, 0),
        (["seed"], {}, 0),
        (["seed", "mine"], {"migration_step": "seed"}, 0),
        (["rollback"], {"postgres_migration_step": "cutover"}, 1),
        (["seed", "follow"], {}, 1),
    ],
)
def test_verbs_by_tag_and_by_variable(tags: list[str], given: Mapping[str, str], count: int) -> None:
    assert len(list(check_verb(tags, given, VERBS))) == count


@pytest.mark.parametrize("stage", ["single", "managed", "k3s"])
@pytest.mark.parametrize("playbook", ["site.yml", "migrate_postgres.yml", "retire_stores.yml"])
def test_the_inventory_of_another_stage_has_nothing_to_move(stage: str, playbook: str) -> None:
    """It would make stores of its own, and end well."""
    folder = Path("inventories", stage)
    said = [fault for fault in faults(folder, {}, None, playbook) if fault.object == "group migration_sources"]
    assert bool(said) is (stage != "managed" and playbook != "site.yml")
    assert all("-i inventories/managed" in fault.mend for fault in said)
