"""What is known of the old stores on a host, and what is wished, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

POSTGRES, REDIS = "postgres", "redis"
MARKER = "retired"  # beside the certificates; role compose_stores looks for it before it does anything
# What role compose_stores writes; nothing else in these folders is touched.
PROJECT_FILES = ("compose.yml", "*.env", "secrets", "load", "fingerprint.key", "previous")
TLS_FILES = ("ca.pem", "ca.key", "server.pem", "server.key")


@dataclass(frozen=True)
class Wish:
    """What the caller chose."""

    project: str  # of compose
    stage: str  # that the stores belong to
    folder: Path  # of the compose project
    tls: Path
    backup: bool = True
    backup_dir: str = ""
    remove_data: bool = False
    volumes: tuple[str, ...] = ("postgres-data", "redis-data")
    network: str = "internal"
    graces: Mapping[str, int] = field(default_factory=lambda: {POSTGRES: 120, REDIS: 60})  # seconds for a clean end

    @property
    def marker(self) -> Path:
        return self.tls / MARKER

    def container(self, store: str) -> str:
        return f"{self.project}-{store}-1"

    @property
    def volume_names(self) -> tuple[str, ...]:
        return tuple(f"{self.project}_{name}" for name in self.volumes)

    @property
    def network_name(self) -> str:
        return f"{self.project}_{self.network}"

    @property
    def pod_name(self) -> str:
        """podman-compose of Debian 12 puts a project into a pod."""
        return f"pod_{self.project}"


@dataclass(frozen=True)
class Found:
    """What of the old stores is on this host."""

    containers: Mapping[str, bool] = field(default_factory=dict)  # name -> whether it runs
    published: frozenset[tuple[str, int]] = frozenset()  # addresses and ports of the host that lead to them
    pod: str = ""
    network: str = ""
    volumes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    marker: Mapping[str, str] | None = None  # what an earlier run has left


@dataclass(frozen=True)
class Step:
    """One thing to be taken away."""

    kind: str  # container, pod, network, volume, file
    name: str

    @property
    def text(self) -> str:
        return f"remove the {self.kind} {self.name}"


@dataclass(frozen=True)
class Answers:
    """What the old servers said."""

    reasons: tuple[str, ...] = ()
    bytes: int = 0  # that a backup may need
    databases: tuple[str, ...] = ()
    major: int = 0  # of PostgreSQL
