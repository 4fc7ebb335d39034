"""Every stage, rendered without AWS: hosts where plays look for them, each name set once and known to a role."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.names import PLATFORM, of_the_user
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.relations import check_groups

from tests.unit.inventory.stages import STAGES, catalogue, members, rendered

BESIDE_ROLES = {"service_overrides"}


def files(stage: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted([*stage.glob("group_vars/**/*.yml"), *stage.glob("host_vars/**/*.yml")]):
        yield path, yaml.safe_load(path.read_text()) or {}


def variables_in(node: Any) -> Iterator[str]:
    """Names that hosts.yml itself sets, at groups or at hosts."""
    if not isinstance(node, dict):
        return
    yield from node.get("vars") or {}
    for host in (node.get("hosts") or {}).values():
        yield from host or {}
    for child in (node.get("children") or {}).values():
        yield from variables_in(child)


pytestmark = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: str(stage.name))


def test_every_host_has_its_variables_and_the_account_stands_for_aws(stage: Path) -> None:
    hosts = rendered(stage)["_meta"]["hostvars"]
    assert members(stage, "platform") == ["account"]
    assert all(found["platform_stage"] == stage.name for found in hosts.values())


def test_groups_are_sound(stage: Path) -> None:
    groups = {group: members(stage, group) for group in rendered(stage)}
    assert list(check_groups(groups, {play.group for play in catalogue().plays}, addressed=[])) == []


def test_every_group_is_one_that_a_play_runs_on(stage: Path) -> None:
    """A misspelt group would leave out its play without a word."""
    played = {play.group for play in catalogue().plays}
    inner = {"all", "ungrouped", "_meta", "k3s_cluster", "legacy_hosts", "migration_sources"}
    inner |= {"legacy_candidates", "runner_candidates"}  # origin.yml chooses from them
    assert set(rendered(stage)) - played - inner == set()


def test_each_name_is_set_once(stage: Path) -> None:
    inside = list(variables_in(yaml.safe_load((stage / "hosts.yml").read_text())["all"]))
    # A group that origin.yml makes stands for a choice: its file is there to say otherwise.
    names = Counter(
        name for path, content in files(stage) if not path.stem.startswith("data_from_") for name in content
    )
    assert [name for name, count in names.items() if count > 1] == []
    assert sorted(set(inside) & set(names)) == []


def test_each_name_is_known_to_a_role(stage: Path) -> None:
    known = {*catalogue().options(), *PLATFORM, *BESIDE_ROLES}
    names = {name for found in rendered(stage)["_meta"]["hostvars"].values() for name in found}
    assert [name for name in of_the_user(names) if name not in known] == []


def test_a_stage_says_only_what_differs(stage: Path) -> None:
    """What a connection reads has to be said again: it does not see the defaults of roles."""
    defaults = {name: value for role in catalogue().roles.values() for name, value in role.defaults.items()}
    for path, content in files(stage):
        if path.stem.startswith("data_from_"):
            continue  # says what differs from all.yml
        read = set(re.findall(r"{{ (\w+)", path.read_text()))
        same = [name for name, value in content.items() if name in defaults and defaults[name] == value]
        assert [name for name in same if name not in read] == []


def test_the_plugin_finds_addresses_and_nothing_else(stage: Path) -> None:
    source = yaml.safe_load((stage / "aws_ec2.yml").read_text())
    values = yaml.safe_load((stage / "group_vars" / "all.yml").read_text())
    assert not source.keys() & {"keyed_groups", "groups"}, (
        "an instance would be in a group that hosts.yml does not name"
    )
    assert "endpoint_url" not in source, "an unset endpoint empties the inventory without an error"
    assert source["strict"] is True
    assert source["hostvars_prefix"] == "aws_"
    assert source["hostnames"] == ["tag:InventoryHost"]
    assert source["regions"] == [values["platform_region"]]
    assert source["filters"]["tag:Project"] == values["platform_project"]
    assert stage.name in source["filters"]["tag:Stage"]


def test_host_keys_are_verified_under_the_name_of_the_host(stage: Path) -> None:
    hosts = rendered(stage)["_meta"]["hostvars"]
    for name in members(stage, "ec2_hosts") + members(stage, "legacy_hosts"):
        arguments = hosts[name]["ansible_ssh_common_args"]
        assert "StrictHostKeyChecking=yes" in arguments
        assert "HostKeyAlias" not in arguments
        for way in ("ssh", "sftp", "scp"):
            assert f"ansible_{way}_extra_args" in hosts[name]


def test_a_cluster_on_the_data_of_the_stage_before_copies_nothing(stage: Path) -> None:
    if not (stage / "origin.yml").is_file():
        pytest.skip("makes no such choice")
    choice = {"platform_data_stage": "managed"}
    groups = {group: members(stage, group, **choice) for group in rendered(stage, **choice)}
    assert (groups.get("legacy_hosts", []), groups["data_runners"]) == ([], ["app-1"])
    assert list(check_groups(groups, {play.group for play in catalogue().plays}, addressed=[])) == []
    hosts = rendered(stage, **choice)["_meta"]["hostvars"]
    assert set(hosts["account"]["secrets_shapes"]) == {"k3s"}  # no password for a store that is never made
    known = {*catalogue().options(), *PLATFORM, *BESIDE_ROLES}
    assert [name for found in hosts.values() for name in of_the_user(found) if name not in known] == []
    assert members(stage, "legacy_hosts") == members(stage, "data_runners") == ["legacy"]
