"""Three servers and what becomes of the cluster when the first of them is lost. The tests run in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

import pytest

from .conftest import AGENT, AGENTS, DIRECTORY, SERVERS, Play, condition, eventually, host, hosts, kubectl, nodes, recap

FIRST, SECOND, _THIRD = SERVERS
AUTHORITY = "sha256sum /var/lib/rancher/k3s/server/tls/server-ca.crt"


def _all_vote(server: str) -> bool:
    found = nodes(server)
    ready = all(condition(node, "Ready")["status"] == "True" for node in found.values())
    voting = [name for name, node in found.items() if condition(node, "EtcdIsVoter")["status"] == "True"]
    return ready and sorted(found) == sorted([*SERVERS, *AGENTS]) and sorted(voting) == SERVERS


def test_every_server_votes_and_shows_the_same_cluster() -> None:
    assert all(_all_vote(server) for server in SERVERS)
    assert len({host(server).check_output(AUTHORITY) for server in SERVERS}) == 1


def test_a_server_took_its_turn_only_when_the_one_before_had_its_vote() -> None:
    found = nodes(FIRST)
    for before, after in pairwise(SERVERS):
        voted = condition(found[before], "EtcdIsVoter")["lastTransitionTime"]
        started = host(after).check_output("systemctl show k3s -p ExecMainStartTimestamp --value --timestamp=unix")
        assert datetime.fromisoformat(voted).timestamp() <= int(started.lstrip("@")), f"{after} before {before} voted"


def test_the_cluster_serves_while_its_first_server_is_down() -> None:
    host(FIRST).check_output("systemctl stop k3s")
    try:
        kubectl(SECOND, "create configmap witness --from-literal=written=without-the-first")
        assert "witness" in kubectl(SECOND, "get configmap witness -o name")
    finally:
        host(FIRST).check_output("systemctl start k3s")


@pytest.fixture
def down() -> Iterator[None]:
    """The first server, whom the agent has joined, is switched off."""
    hosts("stop", FIRST)
    yield
    hosts("start", FIRST)
    assert eventually(lambda: _all_vote(SECOND))


@pytest.mark.usefixtures("down")
def test_a_host_that_is_down_holds_up_nobody_and_is_named(play: Play) -> None:
    agent_config = "cat /etc/rancher/k3s/config.yaml; systemctl show k3s-agent -p InvocationID"
    before = host(AGENT).check_output(agent_config)
    found = play()
    assert found.returncode == 0, found.stdout[-4000:]
    assert f"{FIRST} did not answer: left as it is, and not proved" in re.sub(r"\s+", " ", found.stdout + found.stderr)
    assert host(AGENT).check_output(agent_config) == before
    # The proof and the kubeconfig are those of a server that lives, also for one agent alone.
    assert "https://10.89.32.12:6443" in (DIRECTORY / "kubeconfig").read_text()
    one = play("--limit", f"{AGENT},account")
    assert one.returncode == 0, one.stdout[-4000:]
    assert host(AGENT).check_output(agent_config) == before


@pytest.mark.usefixtures("down")
def test_no_server_is_restarted_while_another_is_down(play: Play) -> None:
    running = "systemctl show k3s -p InvocationID"
    before = host(SECOND).check_output(running)
    found = play("-e", '{"k3s_common_config": {"debug": true}}')
    assert found.returncode == 2
    assert f"would take etcd's majority: {FIRST} does not answer" in re.sub(r"\s+", " ", found.stdout + found.stderr)
    assert host(SECOND).check_output(running) == before


@pytest.fixture(scope="module")
def lost() -> None:
    """The first server comes back as an empty host of the same name and address."""
    hosts("rebuild", FIRST)


@pytest.mark.usefixtures("lost")
def test_an_empty_host_under_an_old_name_is_refused_with_the_mend(play: Play) -> None:
    found = play()
    assert found.returncode == 2, found.stdout[-4000:]
    assert f"k3s kubectl delete node {FIRST}" in re.sub(r"\s+", " ", found.stdout + found.stderr)
    assert "no known cause" not in found.stdout


@pytest.mark.usefixtures("lost")
def test_a_rebuilt_first_server_joins_the_others(play: Play) -> None:
    kubectl(SECOND, f"delete node {FIRST} --wait=true --timeout=60s")
    found = play()
    assert found.returncode == 0, found.stdout[-4000:]
    # Not a cluster of its own: the same authority, and what was written before it came.
    assert host(FIRST).check_output(AUTHORITY) == host(SECOND).check_output(AUTHORITY)
    written = kubectl(FIRST, "get configmap witness -o jsonpath={.data.written}")
    assert written == "without-the-first"
    assert all(_all_vote(server) for server in SERVERS)


def test_then_nothing_is_left_to_do(play: Play) -> None:
    assert recap(play().stdout) == {("0", "0", "0")}
