"""When a node does not join, the error names the likely cause from evidence on the host; the plain run then mends it."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from tests.e2e import canary
from tests.e2e.support import ROOT, SANDBOX, run

AGENT = "agent-2"


def _on(host: str, script: str) -> None:
    values = yaml.safe_load((SANDBOX / "vars.yml").read_text(encoding="utf-8"))
    base = canary.ssh(host, canary.hosts()[host], values["ec2_host_user"], ROOT / ".state" / "k3s" / "known_hosts")
    subprocess.run([*base, f"sudo sh -c '{script}'"], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def _whole_again() -> None:
    """Each test begins on a converged cluster."""
    outcome = run(name="mend", playbook="playbooks/k3s.yml")
    assert outcome.code == 0, outcome.tail()


def test_a_wrong_agent_token_is_named() -> None:
    outcome = run(
        "--limit", f"server-1,{AGENT},account", "-e", "k3s_common_agent_token=" + "w" * 48,
        "-e", "k3s_common_wait_timeout=30", name="wrong-token", playbook="playbooks/k3s.yml",
    )  # fmt: skip
    assert outcome.code != 0
    assert "token" in outcome.output
    assert "k3s_common_agent_token" in outcome.output, outcome.tail()
    assert "w" * 48 not in outcome.output


def test_a_closed_port_is_named() -> None:
    server = canary.hosts()["server-1"]
    rule = f"OUTPUT -p tcp -d {server} --dport 6443 -j DROP"
    _on(AGENT, f"systemctl stop k3s-agent; rm -f /usr/local/bin/k3s; iptables -I {rule}")
    try:
        outcome = run("-e", "k3s_common_wait_timeout=20", name="closed-port", playbook="playbooks/k3s.yml")
    finally:
        _on(AGENT, f"iptables -D {rule}")
    assert outcome.code != 0
    assert "6443" in outcome.output, outcome.tail()
    assert "port" in outcome.output


def test_the_plain_run_mends_it() -> None:
    outcome = run(name="after-faults")
    assert outcome.code == 0, outcome.tail()
    assert outcome.changed == 0, outcome.tail()
