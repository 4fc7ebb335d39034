"""All nodes to the next version, one server and one agent at a time, each without its pods."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise

import pytest

from .conftest import AGENTS, DIRECTORY, SERVERS, Play, condition, host, hosts, nodes, recap

UNITS = {**dict.fromkeys(SERVERS, "k3s"), **dict.fromkeys(AGENTS, "k3s-agent")}


@pytest.fixture(scope="module")
def newer() -> str:
    if "k3s_common_urls" not in json.loads((DIRECTORY / "k3s.json").read_text()):
        pytest.skip("the release of K3s is used, and no second one is pinned")
    return hosts("next")


def _stamp(name: str, event: str) -> int:
    command = f"systemctl show {UNITS[name]} -p {event} --value --timestamp=unix"
    return int(host(name).check_output(command).lstrip("@"))


def _one_at_a_time(names: Sequence[str]) -> bool:
    turns = sorted((_stamp(name, "ExecMainStartTimestamp"), _stamp(name, "ActiveEnterTimestamp")) for name in names)
    return all(before[1] <= after[0] for before, after in pairwise(turns))


def test_every_node_is_upgraded_in_its_turn(play: Play, newer: str) -> None:
    wanted = json.loads(newer)["k3s_common_version"]
    old = {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes(SERVERS[0]).values()}
    assert wanted not in old
    found = play("-e", newer)
    assert found.returncode == 0, found.stdout[-4000:]
    upgraded = nodes(SERVERS[0])
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in upgraded.values()} == {wanted}
    assert all(condition(node, "Ready")["status"] == "True" for node in upgraded.values())
    assert _one_at_a_time(SERVERS)
    assert _one_at_a_time(AGENTS)
    for name in UNITS:  # each was cordoned through a server, and takes pods again
        assert re.search(
            rf"drained \| Move its pods[^\n]*\n(?:[^\n]+\n)*?changed: \[{name} -> server-", found.stdout
        ), name
    assert not any(node["spec"].get("unschedulable") for node in upgraded.values())
    assert not any("tiketi.platform/drained" in node["metadata"]["annotations"] for node in upgraded.values())


def test_the_upgrade_is_done_once_and_never_undone(play: Play, newer: str) -> None:
    assert recap(play("-e", newer).stdout) == {("0", "0", "0")}
    back = play()
    assert back.returncode == 2
    assert "K3s cannot go back" in back.stdout
