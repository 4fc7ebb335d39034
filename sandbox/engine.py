"""The container engine: Docker where its daemon answers, else Podman, installed where that is possible."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from sandbox import shell
from sandbox.errors import SandboxError
from sandbox.settings import Paths

PACKAGES = (
    "podman", "runc", "conmon", "catatonit", "netavark", "aardvark-dns", "iptables", "debootstrap",
    "debian-archive-keyring", "openssh-client",
)  # fmt: skip
# Where netavark looks for iptables; not in the PATH of a plain user's shell, nor of `su`.
SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")
PODMAN_CONF = """\
# Written by the sandbox. runc: crun is not everywhere. Limits: a host that may not raise its own limits must not ask.
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=15000:15000"]

[engine]
runtime = "runc"
"""


@dataclass(frozen=True)
class Engine:
    kind: str  # docker or podman
    version: str
    socket: Path  # where MiniStack talks to it
    extra_env: Mapping[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SBIN])
        return {**os.environ, "PATH": path, **self.extra_env}

    @property
    def at_once(self) -> list[str]:
        """Podman waits for a container to end by itself before it is forced; Docker does not."""
        return ["--time", "0"] if self.kind == "podman" else []

    def run(self, *words: str | Path, check: bool = True, stdin: str | None = None) -> CompletedProcess[str]:
        return shell.run([self.kind, *words], env=self.env, check=check, stdin=stdin)

    def output(self, *words: str | Path) -> str:
        return self.run(*words).stdout.strip()

    def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        done = self.run(kind, "inspect", name, check=False)
        if done.returncode != 0:
            return None
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found[0] if found else None

    def ids(self, *words: str) -> list[str]:
        return list(dict.fromkeys(self.output(*words).split()))

    def remove_containers(self, ids: Sequence[str]) -> None:
        if ids:
            self.run("rm", "--force", "--volumes", *self.at_once, *ids, check=False)


def docker() -> Engine | None:
    """Docker, if a daemon answers on a local socket and can run privileged containers (rootless cannot)."""
    if not shutil.which("docker"):
        return None
    done = shell.run(["docker", "info", "--format", "{{json .}}"], check=False, timeout=20)
    if done.returncode != 0:
        return None
    facts = json.loads(done.stdout)
    if facts.get("ServerErrors") or any("rootless" in option for option in facts.get("SecurityOptions") or []):
        return None
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        return None
    return Engine("docker", facts["ServerVersion"], Path(host.removeprefix("unix://")), {"DOCKER_BUILDKIT": "1"})


def podman(paths: Paths) -> Engine | None:
    if not (shutil.which("podman") and shutil.which("runc")) or os.geteuid() != 0:
        return None
    # A shell that has sourced .sandbox/env names a file that `down` has removed since; every other call gets its own.
    env = {name: value for name, value in os.environ.items() if name != "CONTAINERS_CONF"}
    version = shell.output(["podman", "--version"], env=env).rsplit(" ", 1)[-1]
    return Engine("podman", version, paths.run / "podman.sock", {"CONTAINERS_CONF": str(paths.engine_conf)})


def find(paths: Paths) -> Engine | None:
    return docker() or podman(paths)


def ensure(paths: Paths) -> Engine:
    engine = find(paths)
    if engine is None:
        install()
        engine = find(paths)
    if engine is None:
        raise SandboxError("no container engine could be made to work", "python -m sandbox doctor")
    if engine.kind == "podman":
        write_podman_conf(paths)
    return engine


def can_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install() -> None:
    if not can_install():
        raise SandboxError(
            "neither a Docker daemon that runs privileged containers nor Podman for root was found",
            f"install Docker, or as root: apt-get install {' '.join(PACKAGES)}"
            if platform.system() == "Linux"
            else "the sandbox needs Linux: use a Linux virtual machine",
        )
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    shell.run(["apt-get", "update", "-q"], env=env)
    shell.run(["apt-get", "install", "-qy", "--no-install-recommends", *PACKAGES], env=env)


def write_podman_conf(paths: Paths) -> None:
    if not paths.engine_conf.exists() or paths.engine_conf.read_text() != PODMAN_CONF:
        paths.engine_conf.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths.engine_conf.write_text(PODMAN_CONF)
