"""A PostgreSQL of a host and one of a container, as they are found before a move."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.locate import Choice
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import Login, Wanted
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.run import prepare
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.target import Admin

from sandbox import monitors
from tests import waiting
from tests.integration.pg_clusters import BIN, Cluster, _spare_port
from tests.scratch import scratch

IMAGE = "localhost/tiketi-sandbox/postgres:15-alpine"  # built by the sandbox; keeps the contract of the official image
LABEL = "pg-source-test"
SUBNET = f"10.123.{os.getpid() % 200 + 20}.0/24"  # far from the sandbox; runs beside each other
PASSWORD = "m/o@v%e:r'\"\\ \u00e9"  # noqa: S105 - whatever has broken a URL, a shell, a statement or SASLprep
SCHEMA = """
CREATE TABLE seats (id int PRIMARY KEY, taken boolean NOT NULL DEFAULT false);
INSERT INTO seats SELECT generate_series(1, 100);
CREATE SCHEMA "Audit"; CREATE TABLE "Audit"."Log" (id serial);
"""


@dataclass
class Source:
    """A server as the module is told of it."""

    choice: Choice
    admin: Admin
    folder: Path
    dbname: str
    port: int  # as this test reaches it
    wanted: Wanted = field(init=False)

    def __post_init__(self) -> None:
        self.wanted = Wanted(
            Login("mover", PASSWORD),
            ("127.0.0.1/32", SUBNET),
            address="127.0.0.1",
            folder=str(self.folder),
            restart_timeout=30.0,
        )

    def __call__(self, check: bool = False, **changes: Any) -> dict[str, Any]:
        return prepare(self.choice, self.admin, replace(self.wanted, **changes), check)

    def connect(self, ca: str, **more: Any) -> psycopg.Connection[Any]:
        """As a subscriber does: TLS verified in full."""
        file = self.folder / "given-ca.pem"
        file.write_text(ca)
        known = {"host": "127.0.0.1", "port": self.port, "dbname": self.dbname, "user": "mover", "password": PASSWORD}
        return psycopg.connect(
            **{**known, "sslmode": "verify-full", "sslrootcert": str(file), "autocommit": True, **more}
        )


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A data directory as initdb and users left it: no TLS, wal_level replica, every statement in the log."""
    if not (BIN / "initdb").exists():
        pytest.fail("these tests start servers of their own: apt-get install postgresql-15")
    root = scratch("platform-source-")
    root.chmod(0o755)  # the user postgres must pass
    try:
        secret = root / "admin"
        secret.write_text("admin")
        for path in (root, secret):
            shutil.chown(path, "postgres", "postgres")
        cluster = _cluster(root / "template")
        words = ["--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "--locale=C.UTF-8"]
        cluster.as_postgres(str(BIN / "initdb"), "-D", str(cluster.data), *words)
        with (cluster.data / "postgresql.conf").open("a") as file:
            file.write("fsync = off\nlog_statement = all\n")
        _start(cluster)
        cluster.execute("CREATE DATABASE shop")
        cluster.execute("CREATE DATABASE other")
        cluster.execute(SCHEMA, "shop")
        cluster.as_postgres(str(BIN / "pg_ctl"), "-D", str(cluster.data), "-m", "fast", "-w", "stop")
        yield cluster.data
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _cluster(data: Path) -> Cluster:
    return Cluster("source", data, _spare_port(), data / "ca.pem", data / "ca.pem")


def _start(cluster: Cluster) -> None:
    """Nothing in the command line: it would win over every file."""
    with (cluster.data / "postgresql.conf").open("a") as file:
        file.write(f"port = {cluster.port}\nunix_socket_directories = '{cluster.data}'\n")
    cluster.as_postgres(str(BIN / "pg_ctl"), "-D", str(cluster.data), "-w", "-l", str(cluster.data / "log"), "start")


@pytest.fixture
def cluster(template: Path) -> Iterator[Cluster]:
    cluster = _cluster(template.with_name(uuid.uuid4().hex[:8]))
    subprocess.run(["cp", "-a", str(template), str(cluster.data)], check=True)
    (cluster.data / "log").unlink()
    try:
        _start(cluster)
        yield cluster
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            cluster.stop()


@pytest.fixture
def service(cluster: Cluster, tmp_path: Path) -> Source:
    choice = Choice(data_directory=str(cluster.data))
    return Source(choice, Admin("postgres", "admin"), tmp_path / "platform_source", "shop", cluster.port)


def podman(*words: str, check: bool = True) -> str:
    done = subprocess.run(["podman", *words], check=False, capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def network() -> Iterator[str]:
    """Gone with its module: tests after it take the sandbox down, and with it the configuration of the engine."""
    conf = Path(__file__).parents[3] / ".sandbox" / "containers.conf"
    with pytest.MonkeyPatch.context() as patch:
        if conf.exists() and "CONTAINERS_CONF" not in os.environ:  # how containers run on this machine
            patch.setenv("CONTAINERS_CONF", str(conf))
        yield from _network()


def _network() -> Iterator[str]:
    if shutil.which("podman") is None or subprocess.run(["podman", "image", "exists", IMAGE], check=False).returncode:
        pytest.skip(f"Podman or {IMAGE} is not here: 'make demo' builds it")
    name = f"{LABEL}-{uuid.uuid4().hex[:8]}"
    podman("network", "create", "--label", LABEL, "--subnet", SUBNET, name)
    yield name
    podman("network", "rm", "-f", name, check=False)


@dataclass
class Box:
    """A container with PostgreSQL, published at a port of the loopback."""

    name: str
    port: int

    def psql(self, statement: str, dbname: str = "shop") -> str:
        return podman(
            "exec", "-i", "-u", "postgres", self.name, "psql", "-XqAt", "-U", "shop", "-d", dbname, "-c", statement
        )

    def inspect(self, template: str) -> str:
        return podman("inspect", "--format", template, self.name)


def _await(box: Box) -> None:
    def ready() -> bool:
        logged = subprocess.run(["podman", "logs", box.name], capture_output=True, text=True, check=True).stderr
        return "ready to accept" in logged.rsplit("database system is shut down", 1)[-1]

    waiting.until(ready, f"{box.name} is not ready", pause=0.1)


@pytest.fixture
def make_box(network: str) -> Iterator[Callable[..., Box]]:
    made: list[Box] = []

    def build(
        *options: str, command: tuple[str, ...] = (), publish: str = "127.0.0.1:{port}:5432", plain: bool = True
    ) -> Box:
        box = Box(f"{LABEL}-{uuid.uuid4().hex[:8]}", _spare_port())
        made.append(box)
        words = [
            "run",
            "-d",
            "--name",
            box.name,
            "--label",
            LABEL,
            "--network",
            network,
            "-v",
            f"{box.name}:/var/lib/postgresql/data",
        ]
        words += ["-e", "POSTGRES_USER=shop", "-e", "POSTGRES_DB=shop", "-e", "POSTGRES_PASSWORD"]
        words += ["-p", publish.format(port=box.port)] if publish else []
        environment = os.environ | {"POSTGRES_PASSWORD": "admin"}
        argv = ["podman", *words, *options, IMAGE, *command]
        subprocess.run(argv, check=True, capture_output=True, env=environment)
        _await(box)
        box.psql(SCHEMA)
        if not plain:
            return box
        # The sandbox's image replicates logically from the start; the official one does not.
        podman(
            "exec", "-u", "postgres", box.name, "sed", "-i", "/^wal_level/d", "/var/lib/postgresql/data/postgresql.conf"
        )
        podman("restart", "-t", "20", box.name)
        _await(box)
        return box

    try:
        yield build
    finally:
        for box in made:
            name = box.inspect("{{.Id}}")
            podman("rm", "-f", "-t", "0", box.name)
            monitors.end([name])  # those of commands that came by the API stay for minutes
            podman("volume", "rm", "-f", box.name, check=False)


@pytest.fixture
def boxed(tmp_path: Path) -> Callable[[Box], Source]:
    def wrap(box: Box) -> Source:
        return Source(Choice(container=box.name), Admin(), tmp_path / "platform_source", "shop", box.port)

    return wrap
