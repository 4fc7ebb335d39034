"""The hosts of the scenario and its playbook, as a user runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import testinfra
import testinfra.host

SCENARIO = Path(__file__).resolve().parents[1]
REPOSITORY = SCENARIO.parents[1]
DIRECTORY = REPOSITORY / ".cache" / "molecule-k3s-ha"
SERVERS, AGENTS = ["server-1", "server-2", "server-3"], ["agent-1", "agent-2"]
AGENT = AGENTS[0]
EVENTS = re.compile(r"changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)")

Play = Callable[..., "subprocess.CompletedProcess[str]"]


def host(name: str) -> testinfra.host.Host:
    # Without a kept connection, since a host is replaced under its name.
    return testinfra.get_host(f"ssh://{name}?ssh_config={DIRECTORY}/ssh_config&controlpersist=0&sudo=True")


def kubectl(server: str, command: str) -> str:
    """Ask the API of this very server."""
    return str(host(server).check_output(f"k3s kubectl {command}"))


def nodes(server: str) -> dict[str, Any]:
    return {node["metadata"]["name"]: node for node in json.loads(kubectl(server, "get nodes -o json"))["items"]}


def condition(node: dict[str, Any], kind: str) -> dict[str, str]:
    return next((one for one in node["status"]["conditions"] if one["type"] == kind), {"status": "missing"})


def eventually(condition: Callable[[], bool], seconds: float = 90) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return True
        except AssertionError:
            pass  # the host or its API is not there yet
        time.sleep(1)
    return False


def recap(text: str) -> set[tuple[str, ...]]:
    return {found.groups() for found in EVENTS.finditer(text)}


def hosts(verb: str, *name: str) -> str:
    """Do something to a host itself (rebuild, stop, start), or build the next version of K3s and name it."""
    command = [sys.executable, REPOSITORY / "molecule/k3s/hosts.py", verb, SCENARIO, DIRECTORY, *name]
    return subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.fixture(scope="session")
def play() -> Play:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        inventory = SCENARIO / "inventory" / "hosts.yml"
        command = ["ansible-playbook", "-i", str(inventory), str(SCENARIO / "converge.yml"), *arguments]
        environment = {
            **os.environ,
            "MOLECULE_PROJECT_DIRECTORY": str(REPOSITORY),
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "collections"),
            # Molecule asks for colours, which beat the wish for none.
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_NOCOLOR": "1",
            # The connection that Ansible keeps is to the host that was.
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=no",
        }
        return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)

    return run
