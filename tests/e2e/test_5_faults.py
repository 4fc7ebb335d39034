"""When a node does not join, the error names the likely cause from evidence on the host; the plain run then mends it."""

from __future__ import annotations

import re
import subprocess

import yaml

from tests.e2e import canary
from tests.e2e.support import ROOT, SANDBOX, Outcome, run

AGENT = "agent-2"


def _on(host: str, script: str) -> None:
    values = yaml.safe_load((SANDBOX / "vars.yml").read_text(encoding="utf-8"))
    base = canary.ssh(host, canary.hosts()[host], values["ec2_host_user"], ROOT / ".state" / "k3s" / "known_hosts")
    subprocess.run([*base, f"sudo sh -c '{script}'"], check=True, capture_output=True)


def _said(outcome: Outcome, cause: str) -> bool:
    """Whether the sentence of a cause was printed, however its lines were broken."""
    return re.search(cause, " ".join(outcome.output.split())) is not None


def test_a_closed_port_is_named() -> None:
    """The node is left without its binary, as a new one."""
    server = canary.hosts()["server-1"]
    rule = f"OUTPUT -p tcp -d {server} --dport 6443 -j DROP"
    _on(AGENT, f"systemctl stop k3s-agent; rm -f /usr/local/bin/k3s; iptables -I {rule}")
    try:
        outcome = run("-e", "k3s_common_wait_timeout=20", name="closed-port", playbook="playbooks/k3s.yml")
    finally:
        _on(AGENT, f"iptables -D {rule}")
    assert outcome.code != 0
    cause = rf"port closed: {server}:6443 does not answer this host \(timeout\); packets are dropped: a security group or firewall"
    assert _said(outcome, cause), outcome.tail()


def test_a_wrong_agent_token_is_named_and_no_secret_with_it() -> None:
    wanted = canary.patterns(canary.secrets())
    outcome = run(
        "--limit", f"server-1,{AGENT},account", "-e", "k3s_common_agent_token=" + "w" * 48,
        "-e", "k3s_common_wait_timeout=30", "-vvv", "--diff", name="wrong-token", playbook="playbooks/k3s.yml",
    )  # fmt: skip
    assert outcome.code != 0
    cause = r"the server https://\S+:6443 refuses the token \(401\): k3s_common_agent_token on this host is not the one of the cluster"
    assert _said(outcome, cause), outcome.tail()
    assert not canary.leaks(outcome.output, wanted)
    assert "w" * 48 not in outcome.output


def test_the_plain_run_mends_it() -> None:
    mended = run(name="mend", playbook="playbooks/k3s.yml")
    assert mended.code == 0, mended.tail()
    again = run(name="after-faults", playbook="playbooks/k3s.yml")
    assert (again.code, again.changed) == (0, 0), again.tail()
