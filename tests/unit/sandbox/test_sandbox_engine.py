from __future__ import annotations

import json
import os
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from sandbox import engine, podman_service
from sandbox.settings import Paths

GOOD: dict[str, Any] = {"ServerVersion": "28.1", "SecurityOptions": ["name=seccomp"], "ServerErrors": None}


def docker_answers(monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any] | None, host: str = "") -> None:
    code, text = (0, json.dumps(facts)) if facts is not None else (1, "")
    monkeypatch.setattr(engine.shutil, "which", lambda _name: "/usr/bin/docker")
    monkeypatch.setattr(engine.shell, "run", lambda *_args, **_options: CompletedProcess([], code, text, ""))
    if host:
        monkeypatch.setenv("DOCKER_HOST", host)
    else:
        monkeypatch.delenv("DOCKER_HOST", raising=False)


@pytest.mark.parametrize(
    ("facts", "host", "taken"),
    [
        (GOOD, "", True),
        (GOOD, "unix:///run/other.sock", True),
        (GOOD, "tcp://10.0.0.1:2375", False),  # MiniStack could not mount its socket
        (None, "", False),
        (GOOD | {"ServerErrors": ["cannot connect"]}, "", False),
        (GOOD | {"SecurityOptions": ["name=seccomp", "name=rootless"]}, "", False),
    ],
)
def test_docker_is_taken_only_where_it_can_run_hosts(
    monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any] | None, host: str, taken: bool
) -> None:
    docker_answers(monkeypatch, facts, host)
    found = engine.docker()
    assert (found is not None) is taken
    if found is not None and host:
        assert found.socket == Path("/run/other.sock")


def test_podman_gets_a_configuration_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths(root=tmp_path / ".sandbox")
    monkeypatch.setattr(engine.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(engine.os, "geteuid", lambda: 0)
    # A shell that sourced the environment of a sandbox that is gone.
    monkeypatch.setenv("CONTAINERS_CONF", str(tmp_path / "gone.conf"))
    seen: dict[str, str] = {}

    def output(_command: object, env: dict[str, str]) -> str:
        seen.update(env)
        return "podman version 4.3.1"

    monkeypatch.setattr(engine.shell, "output", output)
    monkeypatch.setattr(engine, "docker", lambda: None)
    found = engine.ensure(paths)
    assert (found.kind, found.version) == ("podman", "4.3.1")
    assert "CONTAINERS_CONF" not in seen
    assert found.env["CONTAINERS_CONF"] == str(paths.engine_conf)
    assert 'runtime = "runc"' in paths.engine_conf.read_text()


def test_an_engine_finds_what_a_plain_users_path_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    path = engine.Engine("podman", "4.3.1", tmp_path / "podman.sock").env["PATH"].split(":")
    assert path[:2] == ["/usr/bin", "/bin"]
    assert {"/usr/sbin", "/sbin"} <= set(path)  # netavark starts iptables


def test_a_stale_pid_file_names_nobody(tmp_path: Path) -> None:
    socket = tmp_path / "podman.sock"
    assert podman_service.owned_pid(socket) is None
    podman_service.pid_file(socket).write_text(str(os.getpid()))  # a living process, but not the service
    assert podman_service.owned_pid(socket) is None
    podman_service.stop(socket)  # and it must not be ended
    assert not podman_service.pid_file(socket).exists()


def test_a_socket_without_a_server_does_not_answer(tmp_path: Path) -> None:
    assert not podman_service.answers(tmp_path / "podman.sock")
