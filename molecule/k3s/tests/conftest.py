"""The hosts and the controller's side of the scenario, with an explicit inventory."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import testinfra
import testinfra.host

SCENARIO = Path(__file__).resolve().parents[1]
REPOSITORY = SCENARIO.parents[1]
INVENTORY = SCENARIO / "inventory" / "hosts.yml"
DIRECTORY = REPOSITORY / ".cache" / "molecule-k3s"
SERVER, AGENT, OTHER_AGENT = "server-1", "agent-1", "agent-2"
# As in the inventory; they must never be seen outside the two token files.
SERVER_TOKEN, AGENT_TOKEN = "canary-server-token-4711", "canary-agent-token-4711"

Play = Callable[..., "subprocess.CompletedProcess[str]"]


def host(name: str) -> testinfra.host.Host:
    # Over SSH as the inventory does, with the keys that the scenario has verified; Ansible's own way is ten times slower.
    return testinfra.get_host(f"ssh://{name}?ssh_config={DIRECTORY}/ssh_config&controlpersist=120&sudo=True")


@pytest.fixture(scope="session", autouse=True)
def environment() -> None:
    os.environ["MOLECULE_PROJECT_DIRECTORY"] = str(REPOSITORY)
    os.environ["ANSIBLE_CONFIG"] = str(REPOSITORY / "ansible.cfg")


@pytest.fixture(scope="session")
def server() -> testinfra.host.Host:
    return host(SERVER)


@pytest.fixture(scope="session")
def agent() -> testinfra.host.Host:
    return host(AGENT)


@pytest.fixture(scope="session")
def nodes(server: testinfra.host.Host) -> dict[str, Any]:
    answer = json.loads(server.check_output("k3s kubectl get nodes -o json"))
    return {node["metadata"]["name"]: node for node in answer["items"]}


@pytest.fixture(scope="session")
def play() -> Play:
    """Run the scenario's playbook as a user does."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["ansible-playbook", "-i", str(INVENTORY), str(SCENARIO / "converge.yml"), *arguments]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "collections"),
            # Molecule asks for colours, which beat the wish for none.
            "ANSIBLE_FORCE_COLOR": "0",
            "ANSIBLE_NOCOLOR": "1",
        }
        return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)

    return run
