"""What the tests of follow, cutover, rollback and finish share: a seeded target in a second, and writers who keep count."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    cutover,
    finish,
    follow,
    guard,
    identity,
    verify,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import SEEDED
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.participant import Moving
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import ledger

from tests.integration.pg_clusters import BIN, PASSWORD, Cluster
from tests.integration.pg_migration.conftest import Move
from tests.waiting import until

LEDGER = "CREATE TABLE public.ledger (n bigint PRIMARY KEY, touched int NOT NULL DEFAULT 0, note text)"
GRANTS = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shopper;"
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO shopper; GRANT USAGE ON SCHEMA public TO shopper"
)
PACE = 0.01
KNOCK = 0.04  # seconds from a refusal to the next try: a session costs both sides as much work as fifty writes


@contextlib.contextmanager
def at(monkeypatch: pytest.MonkeyPatch, step: str, action: Callable[[], object]) -> Iterator[None]:
    """Do something once, when a run reaches this step."""
    original, done = Moving.at, threading.Event()

    def watched(self: Moving, name: str) -> None:
        original(self, name)
        if name == step and not done.is_set():
            done.set()
            action()

    with monkeypatch.context() as patch:
        patch.setattr(Moving, "at", watched)
        yield
    assert done.is_set(), f"the run never came to {step}"


def reach(cluster: Cluster, dbname: str) -> list[str]:
    return ["-h", str(cluster.data), "-p", str(cluster.port), "-U", "postgres", "-d", dbname]


def seed(move: Move, context: Context) -> None:
    """The smallest honest seed: the snapshot of the slot, dumped and restored."""
    names = context.names
    identity.ensure(context)
    replication = psycopg.connect(
        host=str(move.source.data), port=move.source.port, user="postgres", password="admin",  # noqa: S106
        dbname=move.dbname, replication="database", autocommit=True,
    )  # fmt: skip
    with contextlib.closing(replication):
        made = f"CREATE_REPLICATION_SLOT {names.slot} LOGICAL pgoutput (SNAPSHOT 'export')"
        row = replication.execute(made).fetchone()
        assert row
        dump = [f"--snapshot={row[2]}", "--no-publications", "--no-subscriptions", "-Ox", "-N", "platform_migration"]
        load = ["-qX", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"]
        environment = {"PGPASSWORD": "admin", "LC_ALL": "C.UTF-8"}
        with context.target() as session:
            ledger.mark(session, str(context.journal.entries["id"]))
        dumping = subprocess.Popen(
            [str(BIN / "pg_dump"), *reach(move.source, move.dbname), *dump], stdout=subprocess.PIPE, env=environment
        )
        loading = [str(BIN / "psql"), *reach(move.target, move.dbname), *load]
        subprocess.run(loading, stdin=dumping.stdout, check=True, env=environment)
        assert dumping.wait() == 0
        move.on_target(GRANTS)
    guard.install(context)
    context.journal.phase_is(SEEDED)


def started(move: Move) -> None:
    """A table that the writers know, and a target that has the snapshot."""
    move.on_source(LEDGER.replace("TABLE", "TABLE IF NOT EXISTS"))
    move.on_source(GRANTS)
    with move.opened() as context:
        seed(move, context)


def following(move: Move) -> None:
    started(move)
    move(follow.run)
    move(verify.run.run)


def switched(move: Move, **settings: Any) -> dict[str, Any]:
    following(move)
    return move(cutover.run, **settings)


def finished(move: Move, **settings: Any) -> dict[str, Any]:
    return move(finish.run, **settings)


def login(cluster: Cluster, dbname: str, **more: Any) -> psycopg.Connection[Any]:
    """As the application."""
    return psycopg.connect(
        host="localhost", port=cluster.port, user="shopper", password=PASSWORD, dbname=dbname,
        sslmode="verify-full", sslrootcert=str(cluster.ca_file), connect_timeout=5, autocommit=True, **more,
    )  # fmt: skip


def writable(cluster: Cluster, dbname: str) -> bool:
    """May the application write there, over a session of now?"""
    try:
        with login(cluster, dbname) as session:
            session.execute("UPDATE public.ledger SET note = note WHERE n = -1")
    except psycopg.Error:
        return False
    return True


def sides(move: Move) -> tuple[bool, bool]:
    return writable(move.source, move.dbname), writable(move.target, move.dbname)


@dataclass
class Writers:
    """Applications that insert and update without a pause, on whatever side lets them, and remember what was acknowledged.

    A number is sent once. What was sent and never acknowledged may be there or not; what was acknowledged must be, above all what was
    right before a freeze or a crash. So a side that takes writes which the other never gets, as two open ones would, is seen as a loss.
    """

    move: Move
    count: int = 2
    acknowledged: dict[int, int] = field(default_factory=dict)  # n -> how often it was touched, at the least
    gaps: list[float] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        # Each held by a writer that tries a side: it has no session that has written yet.
        self.knocking = [threading.Lock() for _ in range(self.count)]

    @contextlib.contextmanager
    def at_no_door(self) -> Iterator[None]:
        """While none of them tries a side. One that waits for an answer of a server that is halted would wait as long as that is."""
        with contextlib.ExitStack() as stack:
            for one in self.knocking:
                stack.enter_context(one)
            yield

    def _work(self, number: int) -> None:
        n, session, last = number, None, time.monotonic()
        places = [self.move.source, self.move.target]
        while not self.stop.is_set():
            try:
                with self.knocking[number] if session is None else contextlib.nullcontext():
                    if session is None:
                        session = login(places[0], self.move.dbname)
                    session.execute("INSERT INTO public.ledger (n) VALUES (%s)", (n,))
                self.acknowledged[n] = 0
                if n >= 10 * self.count:
                    old = n - 10 * self.count
                    session.execute("UPDATE public.ledger SET touched = touched + 1 WHERE n = %s", (old,))
                    if old in self.acknowledged:
                        self.acknowledged[old] += 1
                now = time.monotonic()
                self.gaps.append(now - last)
                last = now
                n += self.count
                time.sleep(PACE)
            except (psycopg.errors.ReadOnlySqlTransaction, psycopg.OperationalError):
                n += self.count
                if session is not None:
                    session.close()
                session = None
                places.reverse()
                time.sleep(KNOCK)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Writers]:
        threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(self.count)]
        for thread in threads:
            thread.start()
        try:
            until(lambda: len(self.acknowledged) > 20 * self.count)
            yield self
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(10)

    def more(self, by: int = 20) -> None:
        """Wait until so many further writes are acknowledged."""
        goal = len(self.acknowledged) + by
        until(lambda: len(self.acknowledged) >= goal, "nobody can write")

    def lost(self, cluster: Cluster) -> list[int]:
        """Acknowledged before this look, and not on that server: others are acknowledged meanwhile, and not meant."""
        known = dict(self.acknowledged)
        there = dict(cluster.execute("SELECT n, touched FROM public.ledger", self.move.dbname))
        return [n for n, touched in known.items() if there.get(n, -1) < touched]

    @property
    def longest(self) -> float:
        return max(self.gaps)
