"""Files of variables that no group and no host reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.files import check_files, hints, read_files

GROUPS = {"all": ["account", "server-1"], "k3s_servers": ["server-1"], "platform": ["account"]}
PLAYED = {"eks", "k3s_agents"}
REFUSED = {
    "group_vars/k3s_server.yml": "did you mean group k3s_servers?",
    "group_vars/platfrom/main.yml": "did you mean group platform?",
    "host_vars/server_1.yml": "did you mean host server-1?",
}
WARNED = ("group_vars/warehouse.yml", "host_vars/database-9.yml")
READ = (
    "group_vars/all.yml",
    "group_vars/all/more.yml",
    "group_vars/k3s_servers",
    "group_vars/eks.yml",  # of a play, though of no host here
    "group_vars/sometimes.yml",  # of a group that a condition makes
    "group_vars/README.md",
    "host_vars/server-1.yaml",
)


def written(root: Path, name: str) -> str:
    (root / "hosts.yml").write_text("all: {hosts: {server-1: {}}}\n")
    (root / "origin.yml").write_text("plugin: constructed\ngroups: {sometimes: 'false'}\n")
    path = root / name
    path.parent.mkdir(parents=True)
    path.write_text("a: 1\n")
    return str(root)


@pytest.mark.parametrize(("name", "mend"), REFUSED.items(), ids=REFUSED)
def test_a_name_that_is_nearly_one_of_the_inventory_is_refused(tmp_path: Path, name: str, mend: str) -> None:
    files = read_files(written(tmp_path, name))
    [fault] = check_files(files, GROUPS, PLAYED)
    assert fault.object in str(tmp_path / name)
    assert mend in fault.mend
    assert not list(hints(files, GROUPS, PLAYED))


@pytest.mark.parametrize("name", WARNED)
def test_a_file_of_nobody_is_warned_of(tmp_path: Path, name: str) -> None:
    files = read_files(written(tmp_path, name))
    assert not list(check_files(files, GROUPS, PLAYED))
    [hint] = hints(files, GROUPS, PLAYED)
    assert str(tmp_path / name) in hint


@pytest.mark.parametrize("name", READ)
def test_a_file_that_is_read_is_not_named(tmp_path: Path, name: str) -> None:
    files = read_files(written(tmp_path, name))
    assert not list(check_files(files, GROUPS, PLAYED))
    assert not list(hints(files, GROUPS, PLAYED))


def test_the_inventories_of_this_collection_hold_no_file_of_nobody() -> None:
    for folder in (path.parent for path in Path("inventories").glob("*/hosts.yml")):
        groups = {"all": ["account"], "k3s_cluster": []}
        assert not [
            *check_files(read_files(str(folder)), groups, PLAYED),
            *hints(read_files(str(folder)), groups, PLAYED),
        ]
