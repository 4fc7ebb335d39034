"""The commands to Docker Engine and Podman, against answers as both give them. No engine is run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._compose import engine as engines
from ansible_collections.tiketi.platform.plugins.module_utils._compose.engine import Engine
from ansible_collections.tiketi.platform.plugins.module_utils._compose.errors import ComposeError
from ansible_collections.tiketi.platform.plugins.module_utils._compose.model import Container

Answer = tuple[int, str, str]
NO_PLUGIN = (125, "", "unknown shorthand flag: 's' in -s\nSee 'docker --help'.\n")
STOPPED = (
    1,
    "\n",
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n",
)
INSPECTED = {
    "Id": "4c01db0b339c", "Name": "/app-backend-1", "RestartCount": 2, "State": {"Status": "running", "Running": True},
    "Config": {"Image": "shop:1", "Labels": {"platform.project": "app", "platform.definition": "abc"}},
    "HostConfig": {"PortBindings": {"3001/tcp": [{"HostIp": "127.0.0.1", "HostPort": "3101"}]}},
}  # fmt: skip


class Host:
    """Answers by the first words of a command; what was asked is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, installed: str = "docker") -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        programs = installed.split()
        monkeypatch.setattr(
            engines.shutil, "which", lambda name, path: f"/usr/bin/{name}" if name in programs else None
        )
        monkeypatch.setattr(engines.subprocess, "run", self._run)

    def _run(self, argv: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        line = " ".join(argv)
        self.asked.append(line)
        code, out, error = next(
            (answer for words, answer in self.answers.items() if line.startswith(words)), (0, "", "")
        )
        return subprocess.CompletedProcess(list(argv), code, out, error)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch)


DOCKER = Engine("docker", "27.3.1", ("docker", "compose"), "2.29.7")


def test_docker_with_its_plugin_is_found(host: Host) -> None:
    host.answers = {"docker version": (0, "27.3.1\n", ""), "docker compose version": (0, "2.29.7\n", "")}
    assert engines.find() == DOCKER


def test_docker_without_its_plugin_is_no_engine_with_compose_and_is_named_all_the_same(host: Host) -> None:
    host.answers = {"docker version": (0, "20.10.24+dfsg1\n", ""), "docker compose version": NO_PLUGIN}
    assert engines.find() is None
    assert engines.docker_version() == "20.10.24+dfsg1", "or the role would put another in its place"


def test_docker_that_does_not_run_is_none(host: Host) -> None:
    host.answers = {"docker version": STOPPED}
    assert engines.find() is None
    assert engines.docker_version() == ""


def test_podman_is_found_beside_a_docker_that_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(monkeypatch, "docker podman podman-compose")
    host.answers = {
        "docker version": STOPPED,
        "podman version": (0, "4.3.1\n", ""),
        "podman-compose --version": (0, "['podman', '--version', '']\npodman-compose version: 1.0.3\n", ""),
    }
    assert engines.find() == Engine("podman", "4.3.1", ("podman-compose",), "1.0.3")


def test_containers_of_a_project_are_read_as_docker_names_them(host: Host) -> None:
    host.answers = {"docker ps": (0, "app-backend-1\n", ""), "docker inspect": (0, json.dumps([INSPECTED]), "")}
    assert DOCKER.containers("app") == {"app-backend-1": Container("app-backend-1", True, "abc", "shop:1", 2)}
    assert host.asked[0] == "docker ps --all --filter label=platform.project=app --format {{.Names}}"


def test_a_project_without_containers_and_a_name_without_container(host: Host) -> None:
    host.answers = {"docker ps": (0, "\n", ""), "docker inspect": (1, "[]\n", "Error: No such container: x\n")}
    assert DOCKER.containers("app") == {}
    assert DOCKER.container("x") is None


def test_a_container_is_stopped_in_its_time_then_removed(host: Host) -> None:
    host.answers = {"docker stop": (1, "", "Error response from daemon: No such container: x\n")}
    DOCKER.remove("app-backend-1", 30)
    assert host.asked == ["docker stop --time 30 app-backend-1", "docker rm --force app-backend-1"]


def test_one_container_is_started_and_looked_for(host: Host) -> None:
    host.answers = {"docker inspect": (0, json.dumps([INSPECTED]), "")}
    DOCKER.up("app", "/srv/app/compose.yml", "backend-1")
    assert host.asked[0] == "docker compose --project-name app --file /srv/app/compose.yml up --detach backend-1"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (
            {"docker compose": (1, "", "Bind for 127.0.0.1:3101 failed: port is already allocated\n")},
            "already allocated",
        ),
        ({"docker inspect": (1, "[]", "Error: No such container\n")}, "could not start backend-1 of app"),
    ],
)
def test_a_start_that_failed_says_why(host: Host, answers: dict[str, Answer], words: str) -> None:
    host.answers = {"docker inspect": (0, json.dumps([INSPECTED]), ""), **answers}
    with pytest.raises(ComposeError, match=words):
        DOCKER.up("app", "/srv/app/compose.yml", "backend-1")


def test_an_image_that_cannot_be_pulled_says_why_and_how_to_mend_it(host: Host) -> None:
    host.answers = {"docker pull": (1, "", "Error response from daemon: pull access denied for shop\n")}
    with pytest.raises(ComposeError, match=r"pull access denied for shop.*Mend:"):
        DOCKER.pull("shop:1")


def test_an_engine_that_hangs_is_named(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(argv: Sequence[str], **options: Any) -> None:
        raise subprocess.TimeoutExpired(list(argv), options["timeout"])

    monkeypatch.setattr(engines.subprocess, "run", hang)
    with pytest.raises(ComposeError, match="docker ps --all did not end within 900 s"):
        DOCKER.containers("app")
