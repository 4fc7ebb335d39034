"""A container that holds the server, as its engine describes it, and how it is reached from outside. Pure."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import Blocker, Publisher

ANY = ("", "0.0.0.0", "::")  # noqa: S104 - words that are looked for in a description
COMPOSE = ("com.docker.compose", "io.podman.compose")


@dataclass(frozen=True)
class Container:
    engine: str  # docker or podman
    id: str
    name: str
    image: str  # id
    image_name: str
    running: bool
    status: str
    started: str
    command: str
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    network: str  # network mode
    ports: tuple[tuple[int, str, int], ...]  # inside, host address, host port
    addresses: tuple[str, ...]
    stop_signal: int
    stop_timeout: int
    auto_remove: bool
    mounts: tuple[tuple[str, str], ...]  # destination, type
    exposed: tuple[int, ...]

    @property
    def is_postgres(self) -> bool:
        return "PGDATA" in self.environment or 5432 in self.exposed or "postgres" in self.command.split(" ")

    @property
    def superuser(self) -> str:
        return self.environment.get("POSTGRES_USER") or "postgres"

    @property
    def service(self) -> str:
        """Its name in a compose file."""
        return next((self.labels[f"{key}.service"] for key in COMPOSE if f"{key}.service" in self.labels), "")

    @property
    def unit(self) -> str:
        """The systemd unit that keeps it (Quadlet, podman generate systemd)."""
        return self.labels.get("PODMAN_SYSTEMD_UNIT", "")

    @property
    def label(self) -> str:
        return f"{self.engine} container {self.name}"

    def on_volume(self, folder: str) -> bool:
        """Whether a folder outlives the container."""
        return any(
            kind != "tmpfs" and (folder == at or folder.startswith(at.rstrip("/") + "/")) for at, kind in self.mounts
        )


def _signal(given: Any) -> int:
    if isinstance(given, int):
        return given or signal.SIGTERM
    text = str(given or "SIGTERM").upper()
    if text.isdigit():
        return int(text)
    return int(signal.Signals[text if text.startswith("SIG") else f"SIG{text}"])


def _port(text: str) -> int:
    number, _, kind = str(text).partition("/")
    return int(number) if number.isdigit() and kind in ("", "tcp") else 0


def parse(engine: str, told: Mapping[str, Any]) -> Container:
    """One object of `inspect`, of either engine."""
    config, host, state = told.get("Config") or {}, told.get("HostConfig") or {}, told.get("State") or {}
    network = told.get("NetworkSettings") or {}
    published = network.get("Ports") or host.get("PortBindings") or {}
    ports = [
        (_port(inside), str(one.get("HostIp") or ""), int(one.get("HostPort") or 0))
        for inside, bound in published.items()
        for one in bound or []
    ]
    found = [
        network.get("IPAddress"),
        *((one or {}).get("IPAddress") for one in (network.get("Networks") or {}).values()),
    ]
    words = [str(told.get("Path") or ""), *(told.get("Args") or [])]
    return Container(
        engine=engine,
        id=str(told["Id"]),
        name=str(told.get("Name") or "").lstrip("/"),
        image=str(told.get("Image") or "").removeprefix("sha256:"),
        image_name=str(config.get("Image") or told.get("ImageName") or ""),
        running=bool(state.get("Running")) and not state.get("Restarting"),
        status=str(state.get("Status") or ""),
        started=str(state.get("StartedAt") or ""),
        command=shlex.join(word for word in words if word),
        environment=dict(item.partition("=")[::2] for item in config.get("Env") or []),
        labels=dict(config.get("Labels") or {}),
        network=str(host.get("NetworkMode") or ""),
        ports=tuple(ports),
        addresses=tuple(dict.fromkeys(str(one) for one in found if one)),
        stop_signal=_signal(config.get("StopSignal")),
        stop_timeout=int(config.get("StopTimeout") or 10),
        auto_remove=bool(host.get("AutoRemove")),
        mounts=tuple((str(m.get("Destination")), str(m.get("Type") or "bind")) for m in told.get("Mounts") or []),
        exposed=tuple(dict.fromkeys(_port(one) for one in [*(config.get("ExposedPorts") or {}), *published])),
    )


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def again(container: Container) -> str:
    """Where its ports or command are written down, and how it is made anew from there."""
    labels = container.labels
    for key in COMPOSE:
        project = labels.get(f"{key}.project")
        if not project:
            continue
        files = labels.get(f"{key}.project.config_files") or "compose file"
        folder = labels.get(f"{key}.project.working_dir", "")
        written = ", ".join(f if f.startswith("/") or not folder else f"{folder}/{f}" for f in files.split(","))
        tool = "podman-compose" if key.startswith("io.podman") else "docker compose"
        return f"in {written} (service {container.service}), then '{tool} -p {project} up -d {container.service}'"
    if container.unit:
        return f"in the definition of unit {container.unit}, then restart that unit"
    return f"by making {container.name} anew with the same volumes and image"


def publication(container: Container, address: str, port: int) -> tuple[Publisher, list[Blocker]]:
    """Where the server is reached from outside, and what is to be changed when it is not."""
    if container.network == "host":
        return Publisher(address, port), []
    bound = [(host, outside) for inside, host, outside in container.ports if inside == port and outside]
    for host, outside in bound:
        if host in ANY or host == address:
            return Publisher(address, outside), []
    wish = f'"{_bracketed(address)}:{bound[0][1] if bound else port}:{port}"'
    if container.network.startswith(("container:", "ns:")):
        text = (
            f"{container.name} shares the network of another container ({container.network}), which must publish {wish}"
        )
    elif bound:
        now = ", ".join(f'"{_bracketed(host)}:{outside}:{port}"' for host, outside in bound)
        text = f"{container.name} is published at {now} only, so subscribers do not reach it. Mend: ports: [{wish}] {again(container)}"
    else:
        text = f"{container.name} publishes no port, so subscribers do not reach it. Mend: ports: [{wish}] {again(container)}"
    return Publisher(address, bound[0][1] if bound else port), [Blocker(text, recreate=True)]


def hazards(container: Container, data_directory: str, tag_now: str, recreate: bool) -> list[Blocker]:
    """What making the container anew would destroy or change without a word."""
    found = []
    if container.auto_remove:
        found.append(
            f"{container.name} is removed when it stops (--rm). Mend: run it without --rm, with its data on a volume"
        )
    if recreate and not container.on_volume(data_directory):
        found.append(
            f"{data_directory} of {container.name} is on no volume: making the container anew loses the database."
            " Mend: dump it, or copy that folder to a volume, before anything else"
        )
    if recreate and tag_now and tag_now != container.image:
        found.append(
            f"{container.image_name} is another image now ({tag_now[:12]}) than the one that {container.name} runs"
            f" ({container.image[:12]}): making it anew would change PostgreSQL and its collations in the same go."
            f" Mend: name the image sha256:{container.image[:12]}... by its id or digest first"
        )
    return [Blocker(text, recreate=True) for text in found]
