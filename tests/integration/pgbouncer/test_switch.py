"""Pause, switch, resume on a real PgBouncer before two real servers."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.admin import Console
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.errors import PauseTimeoutError, PgBouncerError
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.model import Server
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.switch import read, switch

from tests.integration.pg_clusters import PASSWORD, Cluster
from tests.waiting import until

if TYPE_CHECKING:
    from tests.integration.pgbouncer.conftest import Pooler

ServerOf = Callable[[Cluster], Server]


class Writers:
    """Applications that write one row after another, each its own transaction, and never try twice."""

    def __init__(self, pooler: Pooler, count: int = 4) -> None:
        self.pooler, self.ending = pooler, threading.Event()
        self.acknowledged: list[int] = []
        self.failures: list[str] = []
        self.longest = 0.0
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(count)]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        self.await_more(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        for thread in self._threads:
            thread.join()

    def await_more(self, rows: int) -> None:
        goal = len(self.acknowledged) + rows
        until(lambda: bool(self.failures) or len(self.acknowledged) >= goal)
        assert not self.failures

    def _write(self, number: int) -> None:
        try:
            with self.pooler.connect() as session:
                row = number * 1_000_000
                while not self.ending.is_set():
                    began = time.monotonic()
                    session.execute("INSERT INTO visits VALUES (%s)", (row,))
                    self.longest = max(self.longest, time.monotonic() - began)
                    self.acknowledged.append(row)
                    row += 1
                    self.ending.wait(0.002)
        except psycopg.Error as error:
            self.failures.append(str(error))


@pytest.fixture(autouse=True)
def empty(clusters: tuple[Cluster, Cluster]) -> None:
    for cluster in clusters:
        cluster.execute("TRUNCATE visits", "shop")


def rows(cluster: Cluster) -> set[int]:
    return {row[0] for row in cluster.execute("SELECT n FROM visits", "shop")}


def await_no_session(cluster: Cluster) -> None:
    """A paused pool closes its connections; the server's processes end a moment later."""
    until(lambda: not cluster.execute("SELECT 1 FROM pg_stat_activity WHERE usename = 'app'"), seconds=5)


def test_no_writer_fails_while_the_database_moves(
    pooler: Pooler, clusters: tuple[Cluster, Cluster], server_of: ServerOf
) -> None:
    old, new = clusters
    with Writers(pooler) as writers:
        began = time.monotonic()
        pooler.console.pause("shop", 5)
        await_no_session(old)
        at_rest = rows(old)
        done = switch(pooler.console, "shop", server_of(new), pooler.include)
        assert (rows(old), rows(new)) == (at_rest, set()), "nothing is written while it is paused"
        assert pooler.console.resume("shop")
        frozen = time.monotonic() - began
        writers.await_more(50)
    assert done.changed
    assert done.before == server_of(old)
    assert writers.failures == []
    assert writers.longest < frozen + 1
    assert rows(old) | rows(new) == set(writers.acknowledged)
    assert not rows(old) & rows(new)
    assert rows(new)
    assert not switch(pooler.console, "shop", server_of(new), pooler.include).changed


def test_a_pause_that_takes_too_long_leaves_nobody_waiting(pooler: Pooler) -> None:
    with pooler.connect(autocommit=False) as long:
        long.execute("SELECT 1")
        with pytest.raises(PauseTimeoutError, match=r"did not end within 0.3 s.*Mend:"):
            pooler.console.pause("shop", 0.3)
        assert pooler.console.database("shop")["paused"] == "0"
        with pooler.connect() as other:
            assert other.execute("SELECT 2").fetchone() == (2,)


def test_pause_and_resume_are_safe_to_repeat(pooler: Pooler) -> None:
    with Writers(pooler, count=1):
        pooler.console.pause("shop", 5)
        pooler.console.pause("shop", 5)
        assert pooler.console.database("shop")["paused"] == "1"
        assert pooler.console.resume("shop")
        assert not pooler.console.resume("shop")


def test_an_entry_that_is_not_taken_is_put_back(
    pooler: Pooler, clusters: tuple[Cluster, Cluster], server_of: ServerOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Console, "show", lambda *_: [{"name": "shop", "host": "elsewhere", "port": "1", "database": "x"}]
    )
    with pytest.raises(PgBouncerError, match="leads shop to elsewhere:1/x"):
        switch(pooler.console, "shop", server_of(clusters[1]), pooler.include)
    monkeypatch.undo()
    assert read(pooler.include) == {"shop": server_of(clusters[0])}
    assert pooler.console.database("shop")["port"] == str(clusters[0].port)


def test_another_login_at_the_new_server_is_used_for_every_client(
    pooler: Pooler, clusters: tuple[Cluster, Cluster]
) -> None:
    new = Server("localhost", clusters[1].port, "shop", "master", PASSWORD, "SET statement_timeout = '9s'")
    switch(pooler.console, "shop", new, pooler.include)
    with pooler.connect() as session:
        assert session.execute("SELECT current_user, current_setting('statement_timeout')").fetchone() == (
            "master",
            "9s",
        )


def test_a_server_of_another_authority_is_refused(pooler: Pooler, clusters: tuple[Cluster, Cluster]) -> None:
    """The certificate authority file is read again at a reload, so that a switch may bring a new one."""
    known = Path(pooler.folder / "ca.pem")
    known.write_bytes(clusters[0].other_ca_file.read_bytes())
    pooler.console.reload()
    with pytest.raises(psycopg.OperationalError), pooler.connect(connect_timeout=3) as session:
        session.execute("SELECT 1")
    known.write_bytes(clusters[0].ca_file.read_bytes())
    pooler.console.reload()

    def trusted() -> bool:
        with contextlib.suppress(psycopg.OperationalError), pooler.connect(connect_timeout=3) as session:
            return session.execute("SELECT 1").fetchone() == (1,)
        return False

    until(trusted)


@pytest.mark.parametrize(("user", "password"), [("pgbouncer", "x"), ("app", PASSWORD)])
def test_the_console_is_closed_to_everyone_else(pooler: Pooler, user: str, password: str) -> None:
    for host in (str(pooler.folder), "127.0.0.1"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(host=host, port=pooler.port, dbname="pgbouncer", user=user, password=password).close()


def test_a_pooler_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PgBouncerError, match=r"console of PgBouncer at .* does not let us in.*Mend:"):
        Console(str(tmp_path), 1).show("VERSION")
    assert os.geteuid() == 0
