"""What touches a host: fetching under a pin, whole files, a visit on a made-up host."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._k3s import apply, host, node
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.errors import K3sError
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.fetch import fetch, sha256
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.host import Host
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.model import Artifact, Desired, Paths

from .conftest import AGENT_TOKEN, TOKEN

CONTENT = b"#!/bin/sh\necho 'k3s version v1.34.2+k3s1 (x)'\n"
CGROUPS = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t63\t1\nmemory\t0\t63\t{}\n"
PIN = hashlib.sha256(CONTENT).hexdigest()


class Machine:
    """Answers the commands of a host with systemd; K3s serves as soon as it is started."""

    def __init__(self, root: Path, version: str = "v1.34.2+k3s1") -> None:
        self.host = Host(self.run, Paths(root))
        self.version = version
        self.active = False
        self.enabled = False
        self.starts = 0
        self.read: str | None = None  # the unit, as systemd has it
        self.commands: list[str] = []

    def run(self, command: Sequence[str]) -> tuple[int, str, str]:
        self.commands.append(" ".join(command))
        if command[-1] == "--version":
            return 0, f"k3s version {self.version} (x)", ""
        if command[:2] == ["systemctl", "show"]:
            unit = self.host.text(Paths.unit("k3s"))
            told = {
                "LoadState": "loaded" if unit else "not-found",
                "NeedDaemonReload": "yes" if self.read is not None and unit != self.read else "no",
                "ActiveState": "active" if self.active else "inactive",
                "UnitFileState": "enabled" if self.enabled else "disabled",
                "InvocationID": str(self.starts),
            }
            return 0, "\n".join(f"{key}={value}" for key, value in told.items()), ""
        if command[0] == "systemctl":
            self.enabled = self.enabled or command[1] == "enable"
            if command[1] == "daemon-reload":
                self.read = self.host.text(Paths.unit("k3s"))
            if command[1] in {"start", "restart"}:
                self.active = True
                self.starts += 1
        return 0, "[]" if command[0] == "ip" else "", ""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]) -> Machine:
    proc = tmp_path / "root/proc"
    proc.mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\n")
    (tmp_path / "k3s").write_bytes(CONTENT)
    params["urls"] = [f"file://{tmp_path}/gone", f"file://{tmp_path}/k3s"]
    params["sha256"] = PIN
    params["join"] = {"mode": "init"}
    made = Machine(tmp_path / "root")
    monkeypatch.setattr(Host, "ready", lambda _self, _at="": made.active)
    monkeypatch.setattr(apply, "POLL_SECONDS", 0.001)
    return made


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def test_a_new_server_and_then_nothing(machine: Machine, params: dict[str, Any]) -> None:
    result = node.visit(machine.host, params, check=False)
    assert result["changed"]
    assert result["node"]["alive"]
    root = machine.host.paths.root
    assert (root / "usr/local/bin/k3s").read_bytes() == CONTENT
    assert (root / "usr/local/bin/k3s").stat().st_mode & 0o777 == 0o755
    for path in (Paths.config, Paths.token, Paths.agent_token, Paths.pod_security, Paths.state):
        assert machine.host.paths.at(path).stat().st_mode & 0o777 == 0o600
    assert TOKEN not in " ".join(machine.commands)
    assert AGENT_TOKEN not in str(result)

    machine.commands.clear()
    params["urls"] = ["file:///nowhere"]
    again = node.visit(machine.host, params, check=False)
    assert not again["changed"]
    assert again["diff"] == []
    assert machine.starts == 1
    assert not [command for command in machine.commands if "--version" in command]


def test_a_run_that_was_killed_before_systemd_read_the_unit(
    machine: Machine, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    node.visit(machine.host, params, check=False)
    unit = machine.host.paths.at(Paths.unit("k3s"))
    whole = unit.read_text()
    unit.write_text(f"{whole}# of another release\n")
    machine.run(["systemctl", "daemon-reload"])

    def killed(_self: Host, *_arguments: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Host, "systemctl", killed)
        with pytest.raises(KeyboardInterrupt):
            node.visit(machine.host, params, check=False)
    assert unit.read_text() == whole
    assert node.visit(machine.host, params, check=False)["actions"] == ["reload systemd"]
    assert machine.read == whole
    assert not node.visit(machine.host, params, check=False)["changed"]


def test_check_mode_touches_nothing(machine: Machine, params: dict[str, Any]) -> None:
    before = files(machine.host.paths.root)
    result = node.visit(machine.host, params, check=True)
    assert result["changed"]
    assert "start k3s" in result["actions"]
    assert files(machine.host.paths.root) == before
    assert not machine.active


def test_staging_replaces_nothing(machine: Machine, params: dict[str, Any]) -> None:
    result = node.visit(machine.host, {**params, "state": "staged", "secrets": {}}, check=False)
    assert result["actions"] == [f"fetch {Paths.binary}"]
    (staged,) = files(machine.host.paths.root / "usr/local/bin")
    assert staged.startswith(".k3s-staged/")
    again = node.visit(machine.host, {**params, "state": "staged", "secrets": {}}, check=False)
    assert not again["changed"]


def test_what_was_proved_once_is_not_read_again(
    machine: Machine, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def hashed(path: Path) -> str:
        read.append(path)
        return sha256(path)

    monkeypatch.setattr(host, "sha256", hashed)
    node.visit(machine.host, {**params, "state": "staged", "secrets": {}}, check=False)
    assert node.visit(machine.host, params, check=False)["node"]["version"] == params["version"]
    assert read == []
    assert len([command for command in machine.commands if "--version" in command]) == 1
    # Another content in the staged file's place is another file.
    machine.host.paths.at(Paths.binary).write_bytes(b"altered")
    assert f"install {Paths.binary}" in node.visit(machine.host, params, check=False)["actions"]


def test_a_staged_binary_that_was_altered_is_fetched_again(machine: Machine, params: dict[str, Any]) -> None:
    node.visit(machine.host, {**params, "state": "staged", "secrets": {}}, check=False)
    machine.host.paths.at(host.staged(PIN)).write_bytes(b"altered")
    node.visit(machine.host, params, check=False)
    assert machine.host.paths.at(Paths.binary).read_bytes() == CONTENT


def test_a_changed_setting_restarts_once(machine: Machine, params: dict[str, Any]) -> None:
    node.visit(machine.host, params, check=False)
    params["config"] = {"debug": True}
    assert node.visit(machine.host, params, check=False)["actions"] == [f"write {Paths.config}", "restart k3s"]
    assert machine.starts == 2
    assert not node.visit(machine.host, params, check=False)["changed"]


def test_a_checksum_mismatch_leaves_the_old_binary(machine: Machine, params: dict[str, Any]) -> None:
    node.visit(machine.host, params, check=False)
    params["sha256"] = "0" * 64
    with pytest.raises(K3sError, match="checksum mismatch") as caught:
        node.visit(machine.host, params, check=False)
    assert PIN in str(caught.value)
    assert machine.host.paths.at(Paths.binary).read_bytes() == CONTENT
    assert machine.starts == 1


def test_an_artifact_of_another_version_is_refused(machine: Machine, params: dict[str, Any]) -> None:
    machine.version = "v1.33.0+k3s1"
    with pytest.raises(K3sError, match=r"says it is v1\.33\.0"):
        node.visit(machine.host, params, check=False)
    assert not machine.host.paths.at(Paths.binary).exists()


def test_all_faults_at_once_and_nothing_touched(machine: Machine, params: dict[str, Any]) -> None:
    config = machine.host.paths.at(Paths.config)
    config.parent.mkdir(parents=True)
    config.write_text("theirs: true\n")
    before = files(machine.host.paths.root)
    params["controller_time"] = 1.0
    with pytest.raises(K3sError) as caught:
        node.visit(machine.host, {**params, "secrets": {"token": "short", "agent_token": ""}}, check=False)
    for words in ("was not written by this role", "the clock is", "k3s_common_token needs", "agent_token is empty"):
        assert words in str(caught.value)
    assert files(machine.host.paths.root) == before


def test_a_credential_provider_that_is_nowhere_stops_before_anything_is_touched(
    machine: Machine, params: dict[str, Any]
) -> None:
    params["credential_provider"] = {"match_images": ["*.dkr.ecr.*.amazonaws.com"]}
    before = files(machine.host.paths.root)
    with pytest.raises(K3sError, match="ecr-credential-provider is not on this host") as caught:
        node.visit(machine.host, {**params, "state": "staged", "secrets": {}}, check=False)
    assert "urls and sha256" in str(caught.value)
    assert files(machine.host.paths.root) == before
    binary = machine.host.paths.at(Paths.provider_binary)
    binary.parent.mkdir(parents=True)
    binary.touch()
    assert node.visit(machine.host, params, check=False)["changed"]


@pytest.mark.parametrize("name", ["Server-1", "server_1", "-s", "s.", "a" * 64])
def test_a_node_name_that_no_node_can_have(machine: Machine, params: dict[str, Any], name: str) -> None:
    with pytest.raises(K3sError, match="RFC 1123"):
        node.visit(machine.host, {**params, "name": name, "state": "staged", "secrets": {}}, check=False)


def test_an_agent_without_a_living_server_is_told_so(machine: Machine, params: dict[str, Any]) -> None:
    agent = {**params, "role": "agent", "secrets": {"agent_token": AGENT_TOKEN}, "join": {"mode": "join", "known": []}}
    with pytest.raises(K3sError, match="bring up the servers first"):
        node.visit(machine.host, agent, check=False)


def test_a_server_beside_others_waits_for_its_vote(
    machine: Machine, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    not_found = (404, {"kind": "Status", "status": "Failure"})
    learner = (200, {"status": {"conditions": [{"type": "EtcdIsVoter", "status": "False"}]}})
    voter = (200, {"status": {"conditions": [{"type": "EtcdIsVoter", "status": "True"}]}})
    answers = [not_found, (200, {"status": {}}), learner, voter]
    monkeypatch.setattr(Host, "api", lambda _self, _path: answers.pop(0))
    assert node.visit(machine.host, {**params, "wait_voter": True}, check=False)["changed"]
    assert answers == []


STRAY = 'level=fatal msg="bootstrap data already found and encrypted with different token"'


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(apply, "LOOK_AGAIN_SECONDS", 0.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("again", [False, True])
def test_only_a_line_that_k3s_writes_again_ends_the_wait(
    machine: Machine, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    (machine.host.paths.root / "var/lib").mkdir(parents=True)
    looks: list[str] = []
    answer = machine.run

    def run(command: Sequence[str]) -> tuple[int, str, str]:
        if command[0] != "journalctl":
            return answer(command)
        looks.append(" ".join(command))
        new = again or "--after-cursor=c1" not in command
        return 0, f"{STRAY}\n-- cursor: c1\n" if new else "-- cursor: c1\n", ""

    machine.host.run = run
    monkeypatch.setattr(Host, "ready", lambda _self: len(looks) > 30)
    params["wait_timeout"] = 60
    if again:
        with pytest.raises(K3sError, match="encrypted with another token"):
            node.visit(machine.host, params, check=False)
    else:
        assert node.visit(machine.host, params, check=False)["node"]["alive"]


@pytest.mark.parametrize(
    ("unified", "legacy", "there"),
    [
        ("cpuset cpu io memory pids\n", None, True),
        ("cpuset cpu io memory pids\n", CGROUPS.format(0), True),  # as on a kernel of version 2 only
        ("cpuset cpu io pids\n", CGROUPS.format(1), False),
        (None, CGROUPS.format(1), True),
        (None, CGROUPS.format(0), False),  # as on a Raspberry Pi before cgroup_enable=memory
        (None, None, True),
    ],
)
def test_the_memory_cgroup(machine: Machine, unified: str | None, legacy: str | None, there: bool) -> None:
    for path, text in (("sys/fs/cgroup/cgroup.controllers", unified), ("proc/cgroups", legacy)):
        file = machine.host.paths.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            file.write_text(text)
    desired = Desired(role="agent", service="k3s-agent", version="", binary=Artifact("/k3s", "", ()), files=())
    assert machine.host.look(desired).memory_cgroup is there


@pytest.mark.parametrize(
    ("token", "pin"),
    [
        (f"K10{'d' * 64}::server:x\n", "d" * 64),  # of a bundle: the root certificate's, not the file's
        ("short\n", hashlib.sha256(b"a PEM").hexdigest()),
        (None, hashlib.sha256(b"a PEM").hexdigest()),
    ],
)
def test_who_joins_pins_what_the_server_says(machine: Machine, token: str | None, pin: str) -> None:
    server = machine.host.paths.at(f"{Paths.data}/server")
    (server / "tls").mkdir(parents=True)
    (server / "tls/server-ca.crt").write_text("a PEM")
    if token:
        (server / "token").write_text(token)
    assert node.info(machine.host, "s1", "10.0.0.1", 0)["ca_hash"] == pin


def voter(name: str) -> dict[str, Any]:
    conditions = [{"type": "EtcdIsVoter", "status": "True"}]
    addresses = [{"type": "InternalIP", "address": f"10.0.0.{name}"}]
    return {"metadata": {"name": name}, "status": {"conditions": conditions, "addresses": addresses}}


@pytest.mark.parametrize("silent", ["", "10.0.0.2"])
def test_a_living_server_is_not_restarted_while_another_is_down(
    machine: Machine, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    node.visit(machine.host, params, check=False)
    params |= {"config": {"debug": True}, "wait_voter": True, "name": "1"}
    nodes = (200, {"items": [voter("1"), voter("2"), voter("3")]})
    monkeypatch.setattr(Host, "api", lambda _self, path: nodes if "?" in path else (200, voter("1")))
    monkeypatch.setattr(Host, "ready", lambda _self, at="": at != silent or not at)
    if silent:
        before = machine.host.text(Paths.config)
        with pytest.raises(K3sError, match="take etcd's majority: 2 does not answer"):
            node.visit(machine.host, params, check=False)
        assert machine.host.text(Paths.config) == before
    else:
        assert "restart k3s" in node.visit(machine.host, params, check=False)["actions"]
    assert machine.starts == (1 if silent else 2)


def test_all_addresses_are_named_when_none_answers(tmp_path: Path) -> None:
    urls = (f"file://{tmp_path}/one", f"file://{tmp_path}/two?X-Amz-Signature=canary")
    with pytest.raises(K3sError) as caught:
        fetch(Artifact("/k3s", PIN, urls), tmp_path / "staged/k3s", "k3s_common_sha256")
    assert "one" in str(caught.value)
    assert "two" in str(caught.value)
    assert "canary" not in str(caught.value)
