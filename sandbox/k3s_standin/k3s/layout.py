"""Where K3s keeps its files."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

ETC = Path("/etc/rancher")
RUN = Path("/run/k3s")
CREDENTIAL_PROVIDER = Path("/var/lib/rancher/credentialprovider")
NODE_PASSWORD = ETC / "node" / "password"
NODE_ID = ETC / "node" / "id"
REGISTRIES = ETC / "k3s" / "registries.yaml"
KUBECONFIG = ETC / "k3s" / "k3s.yaml"
CONTAINERD_SOCKET = RUN / "containerd" / "containerd.sock"
SUPERVISOR_SOCKET = RUN / "supervisor.sock"


@dataclass(frozen=True)
class Layout:
    """The data directory, /var/lib/rancher/k3s unless told otherwise."""

    root: Path

    @property
    def server(self) -> Path:
        return self.root / "server"

    @property
    def tls(self) -> Path:
        return self.server / "tls"

    @property
    def cred(self) -> Path:
        return self.server / "cred"

    @property
    def database(self) -> Path:
        return self.server / "db"

    @property
    def etcd(self) -> Path:
        return self.database / "etcd"

    @property
    def snapshots(self) -> Path:
        return self.database / "snapshots"

    @property
    def manifests(self) -> Path:
        return self.server / "manifests"

    @property
    def agent(self) -> Path:
        return self.root / "agent"

    @property
    def images(self) -> Path:
        return self.agent / "images"

    @property
    def cni(self) -> Path:
        return self.agent / "etc" / "cni" / "net.d"


def write(path: Path, content: str | bytes, mode: int = 0o600) -> bool:
    """Write a file whole or not at all; say whether it changed."""
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and path.read_bytes() == data and path.stat().st_mode & 0o777 == mode:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        os.fchmod(stream.fileno(), mode)
    Path(temporary).replace(path)
    return True


def private_directory(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path
