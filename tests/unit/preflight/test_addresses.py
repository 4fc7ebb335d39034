"""The file that finds the addresses of hosts asks for the project, the stage and the region that are made."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.addresses import check_sources, read_sources

VALUES = {"platform_project": "tiketi", "platform_stage": "k3s", "platform_region": "ap-northeast-2"}
FOLDERS = sorted(path.parent for path in Path("inventories").glob("*/aws_ec2.yml"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.name))
def test_the_inventories_of_this_collection_are_sound(folder: Path) -> None:
    sources = read_sources(str(folder))
    assert len(sources) == 1
    assert not list(check_sources(sources, {**VALUES, "platform_stage": folder.name}, hosts=True))


@pytest.mark.parametrize(
    ("changed", "key", "mend"),
    [
        ({"platform_region": "eu-west-1"}, "regions", "regions: [eu-west-1]"),
        ({"platform_project": "shop"}, "tag:Project", "tag:Project: shop under filters"),
        ({"platform_stage": "prod"}, "tag:Stage", "tag:Stage: [legacy, single, managed, k3s, prod] under filters"),
    ],
)
def test_each_difference_is_named_with_file_key_and_mend(changed: Mapping[str, str], key: str, mend: str) -> None:
    (fault,) = check_sources(read_sources("inventories/k3s"), {**VALUES, **changed}, hosts=True)
    assert fault.object == "inventories/k3s/aws_ec2.yml"
    assert key in fault.what
    assert mend in fault.mend


def test_a_stage_without_hosts_and_a_file_that_asks_for_all_are_left_alone() -> None:
    changed = {**VALUES, "platform_stage": "other"}
    assert not list(check_sources(read_sources("inventories/k3s"), changed, hosts=False))
    asks: list[tuple[str, dict[str, Any]]] = [
        ("x", {"regions": ["{{ region }}"], "filters": {"tag:Project": "*"}}),
        ("y", {}),
    ]
    assert not list(check_sources(asks, changed, hosts=True))


@pytest.mark.parametrize(("address", "code"), [({"ansible_host": "10.0.0.1"}, 0), ({}, 2)])
def test_a_host_that_the_inventory_does_not_find_ends_the_run_at_once(
    tmp_path: Path, address: Mapping[str, str], code: int
) -> None:
    hosts = {
        "all": {
            "hosts": {"account": {"ansible_connection": "local"}},
            "children": {"ec2_hosts": {"hosts": {"h1": address}}},
        }
    }
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(hosts))
    names = {"ec2_host_group": "ec2_hosts", "ec2_host_region": "r", "ec2_host_project": "p", "ec2_host_stage": "s"}
    task = {"ansible.builtin.include_tasks": str(Path("roles/ec2_host/tasks/addressed.yml").resolve())}
    (tmp_path / "play.yml").write_text(
        yaml.safe_dump([{"hosts": "account", "gather_facts": False, "vars": names, "tasks": [task]}])
    )
    command = [Path(sys.executable).with_name("ansible-playbook"), tmp_path / "play.yml", "-i", tmp_path / "hosts.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert code == 0 or ("h1" in done.stdout and "aws_ec2.yml" in done.stdout)
