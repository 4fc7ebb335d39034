"""What the engines tell of a container, and what is to be changed in whose file."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.container import (
    Container,
    hazards,
    parse,
    publication,
)

# The parts that matter of `docker inspect` (28) and `podman inspect` (4.3), of the same container.
DOCKER: dict[str, Any] = {
    "Id": "53d5", "Name": "/shop-db-1", "Image": "sha256:26899a03858b", "Path": "docker-entrypoint.sh",
    "Args": ["postgres", "-c", "wal_level=replica"],
    "State": {"Status": "running", "Running": True, "Restarting": False, "StartedAt": "2026-11-24T02:03:22.299736077Z"},
    "HostConfig": {"NetworkMode": "shop_default", "AutoRemove": False, "RestartPolicy": {"Name": "unless-stopped"},
                   "PortBindings": {"5432/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5432"}]}},
    "NetworkSettings": {"IPAddress": "", "Networks": {"shop_default": {"IPAddress": "172.18.0.2"}},
                        "Ports": {"5432/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5432"}]}},
    "Mounts": [{"Type": "volume", "Destination": "/var/lib/postgresql/data"}],
    "Config": {"Image": "postgres:15-alpine", "StopSignal": "SIGINT", "ExposedPorts": {"5432/tcp": {}},
               "Env": ["POSTGRES_USER=shop", "PGDATA=/var/lib/postgresql/data", "POSTGRES_INITDB_ARGS=--a=b"],
               "Labels": {"com.docker.compose.project": "shop", "com.docker.compose.service": "db",
                          "com.docker.compose.project.working_dir": "/srv/shop",
                          "com.docker.compose.project.config_files": "/srv/shop/compose.yml,/srv/shop/prod.yml"}},
}  # fmt: skip
PODMAN: dict[str, Any] = {
    **DOCKER, "Name": "shop-db-1", "Image": "26899a03858b",
    "Config": {**DOCKER["Config"], "StopSignal": 2, "StopTimeout": 0, "ExposedPorts": None},
}  # fmt: skip
COMPOSE = "/srv/shop/compose.yml, /srv/shop/prod.yml (service db), then 'docker compose -p shop up -d db'"


def bound(*addresses: str) -> Container:
    return replace(parse("docker", DOCKER), ports=tuple((5432, address, 15432) for address in addresses))


def test_both_engines_tell_the_same() -> None:
    docker, podman = parse("docker", DOCKER), parse("podman", PODMAN)
    assert replace(docker, engine="podman") == podman
    assert (docker.name, docker.superuser, docker.service, docker.is_postgres) == ("shop-db-1", "shop", "db", True)
    assert (docker.stop_signal, docker.stop_timeout, docker.addresses) == (signal.SIGINT, 10, ("172.18.0.2",))
    assert docker.environment["POSTGRES_INITDB_ARGS"] == "--a=b"
    assert docker.command == "docker-entrypoint.sh postgres -c wal_level=replica"


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::", "10.0.0.4"])  # noqa: S104
def test_a_port_at_the_right_address_is_reached(address: str) -> None:
    publisher, blockers = publication(bound("127.0.0.1", address), "10.0.0.4", 5432)
    assert (publisher.host, publisher.port, blockers) == ("10.0.0.4", 15432, [])


def test_a_port_of_the_loopback_is_named_with_the_file_and_the_command() -> None:
    _, (blocker,) = publication(bound("127.0.0.1"), "10.0.0.4", 5432)
    assert blocker.recreate
    assert blocker.text == (
        'shop-db-1 is published at "127.0.0.1:15432:5432" only, so subscribers do not reach it.'
        f' Mend: ports: ["10.0.0.4:15432:5432"] in {COMPOSE}'
    )


def test_no_port_another_network_and_no_compose_have_their_own_words() -> None:
    _, (none,) = publication(bound(), "fd00::4", 5432)
    assert 'publishes no port, so subscribers do not reach it. Mend: ports: ["[fd00::4]:5432:5432"] in' in none.text
    _, (shared,) = publication(replace(bound(), network="container:abc"), "10.0.0.4", 5432)
    assert "shares the network of another container" in shared.text
    _, (alone,) = publication(replace(bound(), labels={}), "10.0.0.4", 5432)
    assert "by making shop-db-1 anew with the same volumes and image" in alone.text
    assert publication(replace(bound(), network="host"), "10.0.0.4", 5433)[0].port == 5433


def test_dangers_of_making_a_container_anew_are_said_before() -> None:
    data, one = "/var/lib/postgresql/data", parse("docker", DOCKER)
    assert hazards(one, data, one.image, recreate=True) == []
    assert "is another image now (fffff" in hazards(one, data, "fffff", recreate=True)[0].text
    assert hazards(one, data, "fffff", recreate=False) == []
    assert "loses the database" in hazards(replace(one, mounts=()), data, "", recreate=True)[0].text
    assert "loses the database" in hazards(replace(one, mounts=((data, "tmpfs"),)), data, "", recreate=True)[0].text
    assert one.on_volume(f"{data}/pgdata")
    assert not one.on_volume("/var/lib/postgresql/database")
    assert "--rm" in hazards(replace(one, auto_remove=True), data, "", recreate=False)[0].text
