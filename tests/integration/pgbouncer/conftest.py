"""One PgBouncer before two servers, as the role sets it up: transaction pooling, TLS to the servers, no admin password."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.admin import Console
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.model import Server
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.switch import write

from tests.integration.pg_clusters import BIN, PASSWORD, Cluster, make_clusters

CONFIG = """
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir = {folder}
pidfile = {folder}/pid
auth_type = scram-sha-256
auth_file = {folder}/userlist.txt
pool_mode = transaction
server_login_retry = 0.1
client_login_timeout = 5
query_wait_timeout = 20
ignore_startup_parameters = extra_float_digits,options
server_tls_sslmode = verify-full
server_tls_ca_file = {folder}/ca.pem
%include {folder}/databases.ini
"""


@dataclass
class Pooler:
    folder: Path
    port: int
    console: Console

    @property
    def include(self) -> str:
        return str(self.folder / "databases.ini")

    def connect(self, **more: Any) -> psycopg.Connection[Any]:
        # What an application on the same host does: the socket, its own login, no prepared statements.
        return psycopg.connect(
            host=str(self.folder), port=self.port, dbname="shop", user="app", password=PASSWORD, prepare_threshold=None,
            **{"autocommit": True, **more},
        )  # fmt: skip


@pytest.fixture(scope="session")
def clusters() -> Iterator[tuple[Cluster, Cluster]]:
    if not (BIN / "initdb").exists() or not shutil.which("pgbouncer"):
        pytest.fail("these tests start servers of their own: apt-get install postgresql-15 pgbouncer")
    with make_clusters() as pair:
        for cluster in pair:
            cluster.execute("CREATE DATABASE shop")
            cluster.execute("CREATE ROLE app LOGIN")
            with cluster.admin() as session:
                session.execute(psycopg.sql.SQL("ALTER ROLE app PASSWORD {}").format(PASSWORD))
            cluster.execute("CREATE TABLE visits (n bigint PRIMARY KEY)", "shop")
            cluster.execute("GRANT ALL ON visits TO app", "shop")
        yield pair


@pytest.fixture
def server_of() -> Callable[[Cluster], Server]:
    return lambda cluster: Server("localhost", cluster.port, "shop")


@pytest.fixture
def pooler(clusters: tuple[Cluster, Cluster], server_of: Callable[[Cluster], Server]) -> Iterator[Pooler]:
    folder = Path(tempfile.mkdtemp(prefix="platform-pgbouncer-"))
    owner = pwd.getpwnam("postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    made = Pooler(folder, port, Console(str(folder), port))
    (folder / "pgbouncer.ini").write_text(CONFIG.format(port=made.port, folder=folder))
    (folder / "ca.pem").write_bytes(b"".join(cluster.ca_file.read_bytes() for cluster in clusters))
    (folder / "userlist.txt").write_text('"app" "' + PASSWORD.replace('"', '""') + '"\n')
    os.chmod(folder, 0o755)  # noqa: S103 - applications pass through to the socket
    for path in (folder, *folder.iterdir()):
        os.chown(path, owner.pw_uid, owner.pw_gid)
        if path != folder:
            os.chmod(path, 0o600)
    write({"shop": server_of(clusters[0])}, made.include)
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", "pgbouncer", folder / "pgbouncer.ini"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _await(folder / f".s.PGSQL.{made.port}", process, folder / "log")
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        shutil.rmtree(folder)


def _await(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(200):
        if path.exists():
            return
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(log.read_text())
    pytest.fail(f"no socket within 10 s: {log.read_text()}")
