"""Hosts that run K3s, whichever it is: the release or the sandbox's stand-in.

Without more, the hosts of the stage k3s in the sandbox. For others, K3S_CONTRACT_SERVER
and K3S_CONTRACT_AGENT are the commands that run a shell command as root on a host, e.g.
`ssh -i .sandbox/ssh/id_ed25519 admin@10.89.64.10 sudo`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests import waiting
from tests.e2e import canary
from tests.e2e.support import ROOT


@dataclass(frozen=True)
class Host:
    """One node, reached by a command prefix."""

    prefix: tuple[str, ...]

    def try_run(self, script: str, seconds: int = 60, stdin: str = "") -> subprocess.CompletedProcess[str]:
        # SSH joins its arguments by blanks, so the script is quoted for the shell there; other prefixes need no shell.
        words = ["sh", "-c", shlex.quote(script) if self.prefix[0] == "ssh" else script]
        command = [*self.prefix, *words]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)

    def run(self, script: str, seconds: int = 60, stdin: str = "") -> str:
        done = self.try_run(script, seconds, stdin)
        assert done.returncode == 0, f"{script}: {done.stderr or done.stdout}"
        return done.stdout

    def kubectl(self, arguments: str) -> str:
        return self.run(f"k3s kubectl {arguments}")

    def objects(self, arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.kubectl(f"get {arguments} -o json"))["items"]
        return found


def _host(variable: str, name: str) -> Host:
    prefix = os.environ.get(variable, "")
    if prefix:
        return Host(tuple(shlex.split(prefix)))
    known_hosts = ROOT / ".state" / "k3s" / "known_hosts"
    if not known_hosts.is_file():
        pytest.fail(f"no stage is up in the sandbox, and {variable} names no host", pytrace=False)
    return Host((*canary.ssh(name, canary.hosts()[name], "admin", known_hosts), "sudo"))


@pytest.fixture(scope="session")
def server() -> Host:
    return _host("K3S_CONTRACT_SERVER", "server-1")


@pytest.fixture(scope="session")
def agent() -> Host:
    return _host("K3S_CONTRACT_AGENT", "agent-1")


@pytest.fixture(scope="session")
def agent_unit(agent: Host) -> str:
    """The install script calls the unit of an agent k3s-agent; a role may call it k3s."""
    return agent.run("systemctl is-active -q k3s-agent && echo k3s-agent || echo k3s").strip()


@pytest.fixture(scope="session")
def agent_name(agent: Host) -> str:
    subject = agent.run("openssl x509 -noout -subject -in /var/lib/rancher/k3s/agent/client-kubelet.crt")
    return subject.strip().rpartition("system:node:")[2]


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    with contextlib.suppress(AssertionError):
        return waiting.until(condition, seconds=seconds, pause=1)
    return False
