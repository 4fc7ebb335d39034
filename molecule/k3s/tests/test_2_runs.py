"""Runs that change nothing, that must fail, and that mend what an earlier one left."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from testinfra.host import Host

from .conftest import AGENT_TOKEN, OTHER_AGENT, SERVER_TOKEN, Play

ONE_AGENT = ("--limit", f"{OTHER_AGENT},account")
CLOSED = "-s 10.89.16.22 -p tcp --dport 6443 -j DROP"
EVENTS = re.compile(r"changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)")


def recap(text: str) -> set[tuple[str, ...]]:
    return {found.groups() for found in EVENTS.finditer(text)}


def test_check_mode_on_the_converged_cluster_changes_nothing(play: Play) -> None:
    found = play("--check", "--diff")
    assert found.returncode == 0, found.stdout[-4000:]
    assert recap(found.stdout) == {("0", "0", "0")}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ("k3s_common_cluster_cidr=10.44.0.0/16", "cluster-cidr is 10.42.0.0/16 since the cluster was formed"),
        ("k3s_common_token=another-server-token-4711", "k3s token rotate"),
        ('{"k3s_common_sha256": "' + "0" * 64 + '"}', "checksum mismatch"),
    ],
)
def test_bad_input_stops_before_anything_is_touched(server: Host, play: Play, variables: str, words: str) -> None:
    looked_at = "find /etc/rancher /usr/local/bin -type f -exec sha256sum {} + ; systemctl show k3s -p InvocationID"
    before = server.check_output(looked_at)
    found = play("-e", variables)
    assert found.returncode == 2
    assert words in re.sub(r"\s+", " ", found.stdout + found.stderr)
    assert server.check_output(looked_at) == before


def test_a_wrong_token_is_named_and_the_next_run_mends_it(play: Play) -> None:
    wrong = "wrong-canary-token-4711"
    found = play("-vvv", "--diff", "-e", f"k3s_common_agent_token={wrong}", *ONE_AGENT)
    assert found.returncode == 2
    assert "refuses the token (401): k3s_common_agent_token on this host" in found.stdout
    for token in (AGENT_TOKEN, SERVER_TOKEN):
        assert token not in found.stdout + found.stderr
    # Once: Ansible shows the extra variable it was called with.
    assert not [line for line in found.stdout.splitlines() if wrong in line and "ansible-playbook" not in line]
    assert play(*ONE_AGENT).returncode == 0


@pytest.fixture
def closed_port(server: Host) -> Iterator[None]:
    server.check_output(f"iptables -w -I INPUT {CLOSED}")
    yield
    server.run(f"iptables -w -D INPUT {CLOSED}")


@pytest.mark.usefixtures("closed_port")
def test_a_closed_port_is_named(play: Play) -> None:
    host_changes = '{"k3s_common_config": {"debug": true}, "k3s_common_wait_timeout": 8}'
    found = play("-e", host_changes, *ONE_AGENT)
    assert found.returncode == 2
    assert "port closed: 10.89.16.11:6443 does not answer this host (timeout)" in found.stdout


def test_the_same_command_again_makes_the_cluster_whole(server: Host, play: Play) -> None:
    """Also where a run was killed between writing a unit and having systemd read it."""
    unread, running = (f"systemctl show k3s --value --property={one}" for one in ("NeedDaemonReload", "InvocationID"))
    server.check_output("touch /etc/systemd/system/k3s.service")
    assert server.check_output(unread) == "yes"
    before = server.check_output(running)
    found = play()
    assert found.returncode == 0, found.stdout[-4000:]
    assert server.check_output(unread) == "no"
    assert server.check_output(running) == before
    assert recap(play().stdout) == {("0", "0", "0")}
