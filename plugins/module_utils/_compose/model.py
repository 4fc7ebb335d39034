"""What a project of containers consists of: services, and a container for each replica."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._compose.errors import ComposeError

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Publish:
    """One port of a container on the host. Replicas take consecutive host ports."""

    port: int  # in the container
    host_port: int  # of the first replica
    address: str = LOOPBACK


@dataclass(frozen=True)
class Gate:
    """When a container counts as healthy: an HTTP path, or a command in it."""

    path: str = ""
    command: tuple[str, ...] = ()
    seconds: float = 60.0


@dataclass(frozen=True)
class Service:
    name: str
    image: str
    replicas: int = 1
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secret_files: Mapping[str, str] = field(default_factory=dict, repr=False)  # name -> content
    secret_owner: int = 0
    volumes: tuple[str, ...] = ()
    publish: tuple[Publish, ...] = ()
    user: str = ""
    memory: str = ""
    shm_size: str = ""
    read_only: bool = True
    tmpfs: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    stop_grace: int = 30
    gate: Gate = field(default_factory=Gate)


@dataclass(frozen=True)
class Unit:
    """One container."""

    service: Service
    number: int  # from 1
    project: str

    @property
    def name(self) -> str:
        """The service in the compose file, and the server in the proxy before it."""
        return f"{self.service.name}-{self.number}"

    @property
    def container(self) -> str:
        return f"{self.project}-{self.name}"

    def host_port(self, publish: Publish) -> int:
        return publish.host_port + self.number - 1

    @property
    def gate_port(self) -> tuple[str, int]:
        """Where the host reaches the first published port."""
        first = self.service.publish[0]
        address = LOOPBACK if first.address in ("", "0.0.0.0") else first.address  # noqa: S104
        return address, self.host_port(first)


@dataclass(frozen=True)
class Project:
    name: str
    services: tuple[Service, ...]

    @property
    def units(self) -> list[Unit]:
        return [
            Unit(service, number, self.name)
            for service in self.services
            for number in range(1, service.replicas + 1)
        ]  # fmt: skip


@dataclass(frozen=True)
class Container:
    """One container that is there."""

    name: str
    running: bool
    definition: str  # what it was made from
    image: str = ""
    restarts: int = 0


def project(name: str, services: Sequence[Mapping[str, Any]]) -> Project:
    """Build a project from a module's parameters; every fault at once."""
    faults = [] if NAME.fullmatch(name) else [f"project {name!r} is not made of small letters, digits and '-'"]
    made = [_service(given, faults) for given in services]
    names = [service.name for service in made]
    faults += [f"service {one} is listed twice" for one in sorted({one for one in names if names.count(one) > 1})]
    faults += _collisions(made)
    if faults:
        raise ComposeError("; ".join(faults) + ". Mend: correct these, nothing was touched.")
    return Project(name, tuple(made))


def _collisions(services: Sequence[Service]) -> list[str]:
    taken: dict[int, str] = {}
    faults = []
    for service in services:
        for publish in service.publish:
            for number in range(service.replicas):
                port = publish.host_port + number
                if port in taken:
                    faults.append(f"host port {port} is wanted by {taken[port]} and by {service.name}")
                taken[port] = service.name
    return faults


def _service(given: Mapping[str, Any], faults: list[str]) -> Service:
    name = str(given["name"])
    if not NAME.fullmatch(name):
        faults.append(f"service {name!r} is not made of small letters, digits and '-'")
    environment = {str(key): str(value) for key, value in (given.get("environment") or {}).items()}
    for key, value in environment.items():
        if not VARIABLE.fullmatch(key):
            faults.append(f"{name}: {key!r} is not the name of a variable")
        if re.search(r"[\n\r\0\"'#$\\]", value):
            # The engines read such lines each in its own way.
            faults.append(f"{name}: {key} holds a line break or one of \" ' # $ \\; give it as a secret file")
    files = {str(key): str(value) for key, value in (given.get("secret_files") or {}).items()}
    faults += [f"{name}: {key!r} is not the name of a file" for key in files if not FILE.fullmatch(key)]
    gate = given.get("gate") or {}
    publish = tuple(Publish(one["port"], one["host_port"], one.get("address") or LOOPBACK) for one in given.get("publish") or [])  # fmt: skip
    if gate.get("path") and not publish:
        faults.append(f"{name}: gate.path is asked on the first published port, and none is published")
    replicas = int(given.get("replicas") or 1)
    if replicas < 1:
        faults.append(f"{name}: replicas is {replicas}; at least 1 is possible")
    return Service(
        name=name,
        image=str(given["image"]),
        replicas=replicas,
        entrypoint=tuple(given.get("entrypoint") or ()),
        command=tuple(given.get("command") or ()),
        environment=environment,
        secret_files=files,
        secret_owner=int(given.get("secret_owner") or 0),
        volumes=tuple(given.get("volumes") or ()),
        publish=publish,
        user=str(given.get("user") or ""),
        memory=str(given.get("memory") or ""),
        shm_size=str(given.get("shm_size") or ""),
        read_only=bool(given.get("read_only", True)),
        tmpfs=tuple(given.get("tmpfs") or ()),
        capabilities=tuple(given.get("capabilities") or ()),
        stop_grace=int(given.get("stop_grace") or 30),
        gate=Gate(str(gate.get("path") or ""), tuple(gate.get("command") or ()), float(gate.get("seconds") or 60)),
    )
