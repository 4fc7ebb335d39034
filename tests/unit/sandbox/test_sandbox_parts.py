from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store
from rich.console import Console
from typer.testing import CliRunner

from sandbox import cli, controller, doctor, files, handover, monitors, remote, tls
from sandbox.errors import SandboxError
from sandbox.settings import AWS_NAMES, ENDPOINT, REGISTRY, Paths
from sandbox.steps import Steps

CONSOLE = """\
[    1.2] systemd
-----BEGIN SSH HOST KEY KEYS-----
ecdsa-sha2-nistp256 AAAAE2 ip-10-89-64-3
ssh-ed25519 AAAAC3 ip-10-89-64-3
-----END SSH HOST KEY KEYS-----
hello from user data
"""


def test_host_keys_are_read_from_the_console() -> None:
    assert remote.parse_host_keys(CONSOLE) == ["ssh-ed25519 AAAAC3", "ecdsa-sha2-nistp256 AAAAE2"]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_long_step_is_seen_also_in_a_log(terminal: bool) -> None:
    said = io.StringIO()
    with Steps(Console(file=said, force_terminal=terminal, width=200)).step("K3s") as step:
        step.log("building kube [minutes]")
        lines = said.getvalue()
        step.result(True, "built")
    assert ("  K3s: building kube [minutes]\n" in lines) is not terminal
    assert "built" in said.getvalue()


@pytest.mark.parametrize("text", ["", CONSOLE.partition("-----END")[0]])
def test_half_a_console_has_no_keys(text: str) -> None:
    assert remote.parse_host_keys(text) == []


def test_the_newest_block_counts() -> None:
    assert remote.parse_host_keys(CONSOLE + CONSOLE.replace("AAAAC3", "NEW"))[0] == "ssh-ed25519 NEW"


def test_the_registry_is_named_once_and_taken_away_again() -> None:
    before = "127.0.0.1 localhost\n10.0.0.1 other # tiketi\n"
    named = controller.with_name(before)
    assert f" {REGISTRY} " in named
    assert controller.with_name(named) == named
    assert controller.without_name(named) == before


def test_no_name_of_the_machine_is_lost_while_ours_comes_and_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever runs beside the sandbox resolves localhost all the time."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n10.0.0.1 other\n")
    inode, before = hosts.stat().st_ino, hosts.read_text()
    monkeypatch.setattr(controller, "HOSTS", hosts)
    lost, over = [], threading.Event()

    def look() -> None:
        while not over.is_set():
            lost.extend([1] if not hosts.read_text().startswith(before) else [])

    reader = threading.Thread(target=look)
    reader.start()
    for _ in range(1500):
        controller.put(controller.with_name(hosts.read_text()))
        controller.put(controller.without_name(hosts.read_text()))
    over.set()
    reader.join()
    assert lost == []
    assert (hosts.stat().st_ino, hosts.read_text()) == (inode, before)


def test_the_environment_survives_a_shell_and_is_private(tmp_path: Path) -> None:
    paths = Paths(root=tmp_path)
    text = handover.env_text(handover.environment(paths, {"ODD": "a b'c"}))
    assert f"export AWS_ENDPOINT_URL={ENDPOINT}\n" in text
    assert """export ODD='a b'"'"'c'\n""" in text
    assert files.write_private(paths.env, text)
    assert not files.write_private(paths.env, text)
    assert paths.env.stat().st_mode & 0o777 == 0o600


def test_the_variables_are_yaml_with_the_artifact(tmp_path: Path) -> None:
    values = handover.variables(Paths(root=tmp_path), "ami-1", {"k3s_common_version": "v1.34.4+k3s1"})
    read = yaml.safe_load(handover.variables_text(values))
    assert read["ec2_host_image_id"] == "ami-1"
    assert read["k3s_common_version"] == "v1.34.4+k3s1"
    assert read["network_cidr"] == "10.89.0.0/16"


def test_the_certificate_is_good_for_every_name_of_aws(tmp_path: Path) -> None:
    paths = Paths(root=tmp_path)
    assert tls.ensure(paths)
    assert not tls.ensure(paths)
    server = x509.load_pem_x509_certificate((paths.tls / "server.pem").read_bytes())
    builder = PolicyBuilder().store(Store([x509.load_pem_x509_certificate(paths.ca.read_bytes())]))
    for name in AWS_NAMES:
        builder.build_server_verifier(x509.DNSName(name)).verify(server, [])
    key = load_pem_private_key((paths.tls / "server.key").read_bytes(), None)
    assert key.public_key() == server.public_key()
    assert (paths.tls / "server.key").stat().st_mode & 0o077 == 0


def test_a_broken_certificate_is_made_anew(tmp_path: Path) -> None:
    paths = Paths(root=tmp_path)
    tls.ensure(paths)
    paths.ca.write_text("broken")
    assert tls.ensure(paths)


@pytest.mark.parametrize(("version", "minor"), [("go1.26.8", 26), ("go1.24", 24), ("", 0), ("devel", 0)])
def test_the_version_of_go_is_read(version: str, minor: int) -> None:
    assert doctor.go_minor(version) == minor


def test_memory_is_read_in_bytes() -> None:
    assert doctor.available_memory("MemTotal: 9 kB\nMemAvailable:    2048 kB\n") == 2 << 20


def test_a_fault_is_told_with_its_mend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_args: object) -> None:
        raise SandboxError("no [engine] here", "install one")

    monkeypatch.setattr(cli, "paths", Paths(root=tmp_path / "a", cache=tmp_path / "b"))
    monkeypatch.setattr(cli, "bring_up", fail)
    result = CliRunner().invoke(cli.app, ["up"])
    assert result.exit_code == 1
    assert "no [engine] here" in result.output
    assert "mend: install one" in result.output


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (["/usr/bin/conmon", "--api-version", "1", "-c", "abcdef0123456789", "-u", "x"], True),
        (["/usr/bin/conmon", "--api-version", "1", "-c", "ffff", "-u", "abcdef"], False),
        (["/usr/bin/other", "-c", "abcdef0123456789"], False),
        (["conmon", "-c"], False),
        ([], False),
    ],
)
def test_only_the_monitors_of_removed_containers_are_ended(words: list[str], ours: bool) -> None:
    assert monitors.of(words, ["abcdef012345", ""]) is ours


def test_a_host_that_never_ends_a_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ssh").write_text("#!/bin/sh\nexec sleep 30\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(remote, "RUN_LIMIT", 0.2)
    with pytest.raises(SandboxError, match=r"on 10.0.0.9: `sudo configure`: .* did not end within") as caught:
        remote.Host("10.0.0.9", ["ssh-ed25519 AAAAC3"], Paths(root=tmp_path)).run(["sudo", "configure"])
    assert "make clean" in caught.value.mend
