"""PgBouncer in front of both servers of a move, as the role pgbouncer sets it up."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import model
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.model import Server
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.switch import write

from tests.integration.pg_clusters import PASSWORD
from tests.integration.pg_migration.conftest import Move
from tests.waiting import until

CONFIG = """
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir = {folder}
pidfile = {folder}/pid
auth_type = scram-sha-256
auth_file = {folder}/userlist.txt
pool_mode = transaction
server_login_retry = 1
query_wait_timeout = 60
ignore_startup_parameters = extra_float_digits,options
server_tls_sslmode = verify-full
server_tls_ca_file = {folder}/ca.pem
%include {folder}/databases.ini
"""


@dataclass
class Pooled:
    """A running PgBouncer, and clients of it that never try twice."""

    move: Move
    folder: Path
    port: int
    acknowledged: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def settings(self) -> model.Pooler:
        include = str(self.folder / "databases.ini")
        return model.Pooler(self.move.dbname, str(self.folder), self.port, active_file=include, pause_timeout=5.0)

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=str(self.folder), port=self.port, dbname=self.move.dbname, user="shopper", password=PASSWORD,
            prepare_threshold=None, autocommit=True,
        )  # fmt: skip

    def _client(self, number: int, count: int) -> None:
        n = number
        with self.connect() as session:
            while not self.stop.is_set():
                began = time.monotonic()
                try:
                    with session.transaction():
                        session.execute("INSERT INTO public.ledger (n) VALUES (%s)", (n,))
                        session.execute("UPDATE public.ledger SET touched = touched + 1 WHERE n = %s", (n - count,))
                    self.acknowledged.append(n)
                except psycopg.Error as error:
                    self.failures.append(f"{n}: {error}")
                self.waits.append(time.monotonic() - began)
                n += count
                time.sleep(0.01)

    @contextlib.contextmanager
    def requests(self, count: int = 4) -> Iterator[None]:
        threads = [threading.Thread(target=self._client, args=(number, count), daemon=True) for number in range(count)]
        for thread in threads:
            thread.start()
        try:
            self.more()
            yield
            self.more()
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(10)

    def more(self, by: int = 30) -> None:
        goal = len(self.acknowledged) + by
        until(lambda: len(self.acknowledged) >= goal, "requests are not answered")

    def lost(self, there: set[int]) -> list[int]:
        return [n for n in self.acknowledged if n not in there]


@contextlib.contextmanager
def pooled(move: Move) -> Iterator[Pooled]:
    if not shutil.which("pgbouncer"):
        raise RuntimeError("this test starts a PgBouncer of its own: apt-get install pgbouncer")
    folder = Path(tempfile.mkdtemp(prefix="platform-pooled-"))
    owner = pwd.getpwnam("postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    made = Pooled(move, folder, port)
    (folder / "pgbouncer.ini").write_text(CONFIG.format(port=port, folder=folder))
    (folder / "ca.pem").write_bytes(b"".join(one.ca_file.read_bytes() for one in (move.source, move.target)))
    (folder / "userlist.txt").write_text('"shopper" "' + PASSWORD.replace('"', '""') + '"\n')
    os.chmod(folder, 0o755)  # noqa: S103 - applications pass through to the socket
    for path in (folder, *folder.iterdir()):
        os.chown(path, owner.pw_uid, owner.pw_gid)
        if path != folder:
            os.chmod(path, 0o600)
    write({move.dbname: Server("localhost", move.source.port, move.dbname)}, str(folder / "databases.ini"))
    argv = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", "pgbouncer"]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([*argv, str(folder / "pgbouncer.ini")], stdout=log, stderr=log)
    try:
        until((folder / f".s.PGSQL.{port}").exists)
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        shutil.rmtree(folder)
