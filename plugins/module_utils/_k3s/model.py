"""What a host shall be, what it is, and the steps between."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MARKER = "# Managed by tiketi.platform."
NOTICE = f"{MARKER} Changes made here are lost; set the variables of the k3s roles instead.\n"


@dataclass(frozen=True)
class Paths:
    """Where things lie on a host; `root` is another directory in tests."""

    root: Path = Path("/")

    def at(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    binary = "/usr/local/bin/k3s"
    staging = "/usr/local/bin/.k3s-staged"
    config = "/etc/rancher/k3s/config.yaml"
    registration = "/etc/rancher/k3s/config.yaml.d/50-registration.yaml"
    registries = "/etc/rancher/k3s/registries.yaml"
    pod_security = "/etc/rancher/k3s/pod-security.yaml"
    token = "/etc/rancher/k3s/token"  # noqa: S105  a path
    agent_token = "/etc/rancher/k3s/agent-token"  # noqa: S105  a path
    kubeconfig = "/etc/rancher/k3s/k3s.yaml"
    state = "/etc/rancher/k3s/.tiketi-platform.json"
    data = "/var/lib/rancher/k3s"
    tls = "/var/lib/rancher/k3s/server/tls"
    sysctl = "/etc/sysctl.d/90-k3s.conf"
    provider = "/var/lib/rancher/credentialprovider"
    provider_binary = "/var/lib/rancher/credentialprovider/bin/ecr-credential-provider"
    images = "/var/lib/rancher/k3s/agent/images"

    @staticmethod
    def unit(service: str) -> str:
        return f"/etc/systemd/system/{service}.service"


@dataclass(frozen=True)
class File:
    """A file the role owns. `marked`: a file there without our marker is another's, and refused."""

    path: str
    content: str
    mode: int = 0o600
    marked: bool = True
    secret: bool = False
    restart: bool = True


@dataclass(frozen=True)
class Artifact:
    """A file fetched by URL and pinned by hash."""

    path: str
    sha256: str
    urls: tuple[str, ...]
    mode: int = 0o755


@dataclass(frozen=True)
class Desired:
    role: str
    service: str
    version: str
    binary: Artifact
    files: tuple[File, ...]
    absent: tuple[str, ...] = ()
    extras: tuple[Artifact, ...] = ()
    needs: tuple[str, ...] = ()  # must be on the host already: no address of it is given
    sysctls: Mapping[str, str] = field(default_factory=dict)

    def digest(self) -> str:
        """Changes exactly when K3s must be restarted; a run cut short is seen by it on the next one."""
        parts = [self.binary.sha256, *(extra.path + extra.sha256 for extra in self.extras)]
        parts += [f"{file.path}\0{file.content}" for file in sorted(self.files, key=_path) if file.restart]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _path(file: File) -> str:
    return file.path


@dataclass(frozen=True)
class Service:
    loaded: bool = False
    active: str = "inactive"
    enabled: bool = False
    invocation: str = ""
    outdated: bool = False  # its files on disk are later than what systemd has read

    @property
    def running(self) -> bool:
        return self.active == "active"

    @property
    def up(self) -> bool:
        """There is a process: serving, or still trying with the settings it was started with."""
        return self.active in {"active", "activating", "reloading"}


@dataclass(frozen=True)
class Current:
    version: str = ""
    binary_sha256: str = ""
    staged_sha256: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    extras: Mapping[str, str] = field(default_factory=dict)
    lacks: tuple[str, ...] = ()
    service: Service = Service()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    applied: str = ""
    data: bool = False
    alive: bool = False
    ca_pem: str = ""
    ca_hash: str = ""
    server_token: str = ""
    memory_mb: int = 0
    disk_mb: int = 0
    memory_cgroup: bool = True
    addresses: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Action:
    """One step; `before` and `after` are what --diff shows, already without secrets."""

    kind: str
    target: str
    before: str = ""
    after: str = ""
    secret: bool = False
