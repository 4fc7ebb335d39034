"""What was found, made usable: the way in, who keeps it, where it is reached."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import container as description
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.container import Container
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.keeper import (
    ContainerKeeper,
    Keeper,
    ServiceKeeper,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.locate import Service
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import Blocker, Publisher, Server, Wanted
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.place import Place, run


@dataclass(frozen=True)
class Admin:
    username: str = ""
    password: str = ""


def way_in(found: Container | Service, admin: Admin) -> Place:
    if isinstance(found, Container):
        prefix = (found.engine, "exec", "-i", found.id)
        return Place(found.label, prefix, ("psql",), admin.username or found.superuser, admin.password)
    psql = (f"{found.binaries}/psql", "-h", found.socket or "localhost", "-p", str(found.port))
    prefix = ("runuser", "-u", found.owner, "--")
    return Place(found.label, prefix, psql, admin.username or found.owner, admin.password)


def as_owner(found: Container | Service, place: Place, server: Server) -> None:
    """From here on commands in a container run as the owner of the data, so that files are its own."""
    place.data_directory = server.data_directory
    if isinstance(found, Container):
        owner = place.shell('stat -c %u:%g -- "$1/PG_VERSION"', server.data_directory).out.strip()
        if not owner:
            raise PgError(f"{server.data_directory} of {found.label} cannot be looked at")
        place.prefix = (found.engine, "exec", "-i", "-u", owner, found.id)


def keeper(found: Container | Service, place: Place, server: Server, wanted: Wanted) -> Keeper:
    if isinstance(found, Container):
        user, _, group = place.prefix[4].partition(":")
        return ContainerKeeper(found, place, wanted.restart_timeout, wanted.stop_timeout, (int(user), int(group)))
    log = server.log_file
    if log and not log.startswith("/"):
        log = f"{server.data_directory}/{log}"
    return ServiceKeeper(found, place, wanted.restart_timeout, log)


@dataclass(frozen=True)
class Surroundings:
    """How the server stands towards the outside."""

    publisher: Publisher
    inside: str  # the address to listen on; none: all of them, as in a container
    command: str  # how it was started, for messages
    blockers: tuple[Blocker, ...]
    ways: tuple[tuple[str, int], ...]  # addresses at which this host may reach it
    unit: str = ""  # who must do the restart, when it is not us
    image: str = ""


def surroundings(found: Container | Service, server: Server, address: str) -> Surroundings:
    if not isinstance(found, Container):
        local = tuple((one, server.port) for one in (address, "127.0.0.1", "::1"))
        strange = found.unit if found.unit and "postgres" not in found.unit else ""
        return Surroundings(Publisher(address, server.port), address, "", (), local, strange)
    publisher, blockers = description.publication(found, address, server.port)
    outside = [(host or "127.0.0.1", port) for inside, host, port in found.ports if inside == server.port]
    # A wildcard is no address to connect to.
    ways = [(publisher.host, publisher.port)] if not blockers else []
    ways += [("127.0.0.1" if host in description.ANY else host, port) for host, port in outside]
    ways += [(one, server.port) for one in found.addresses]
    inside = address if found.network == "host" else ""
    return Surroundings(
        publisher, inside, found.command, tuple(blockers), tuple(dict.fromkeys(ways)), found.unit, found.image
    )


def tag_now(found: Container) -> str:
    """The image that the container's image name means today."""
    done = run([found.engine, "image", "inspect", "--format", "{{.Id}}", found.image_name])
    return done.out.strip().removeprefix("sha256:") if done.code == 0 else ""


def hides_clients(found: Container) -> bool:
    """Whether a port forwarder's address stands for everybody's: an engine without root forwards in user space."""
    user_space = "/run/user/" in os.environ.get("DOCKER_HOST" if found.engine == "docker" else "CONTAINER_HOST", "")
    return user_space or os.geteuid() != 0
