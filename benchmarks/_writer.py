"""Applications of a benchmark: each writes one row every 20 ms, and knows when each was acknowledged."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import psycopg

PACE = 0.02
AGAIN = 0.01  # between two attempts of a client that is refused: logins of one without any pause would slow what it waits for
PATIENCE = 60.0
TABLE = "public.benchmark_writes"
MAKE = f"CREATE TABLE IF NOT EXISTS {TABLE} (who text, n bigint, at timestamptz DEFAULT clock_timestamp(), PRIMARY KEY (who, n))"
# A client whose answer was lost asks again; the row that is there already is its own.
WRITE = f"INSERT INTO {TABLE} (who, n) VALUES (%s, %s) ON CONFLICT DO NOTHING"  # noqa: S608 - a constant
Login = Callable[[], psycopg.Connection[Any]]


def longest_gap(acknowledged: Sequence[float], begin: float, end: float) -> float:
    """Longest time without an acknowledged write that touches the window; one that goes on at its end is counted as far as it got."""
    before = [moment for moment in acknowledged if moment < begin]
    after = [moment for moment in acknowledged if moment > end]
    within = [moment for moment in acknowledged if begin <= moment <= end]
    moments = [before[-1] if before else begin, *within, after[0] if after else end]
    return max(later - earlier for earlier, later in pairwise(moments))


@dataclass
class Writer:
    """One client. It tries its ways in turn: the way that worked last, then the next one whenever it is refused."""

    who: str
    ways: list[Login]
    acknowledged: list[float] = field(default_factory=list)  # when; the row's number is its place
    refused: int = 0
    said: BaseException | None = None  # why it was refused last, or why it gave up
    broken: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    free: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)

    def _work(self) -> None:
        session: psycopg.Connection[Any] | None = None
        due = time.monotonic()
        while not self.stop.is_set():
            if not self.free.is_set():
                self._close(session)
                session = None
                self.held.set()
                self.free.wait(PACE)
                continue
            try:
                session = session or self.ways[0]()
                session.execute(WRITE, (self.who, len(self.acknowledged)))
            except (psycopg.errors.ReadOnlySqlTransaction, psycopg.OperationalError) as error:
                self.refused, self.said = self.refused + 1, error
                self._close(session)
                session = None
                self.ways.append(self.ways.pop(0))
                time.sleep(AGAIN)
                continue
            self.acknowledged.append(time.monotonic())
            due = max(due + PACE, self.acknowledged[-1])
            time.sleep(max(0.0, due - time.monotonic()))
        self._close(session)

    @staticmethod
    def _close(session: psycopg.Connection[Any] | None) -> None:
        if session:
            session.close()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self.broken, self.said = True, error

    def hold(self) -> None:
        """As an application that is stopped: it has no session, and does not try."""
        self.held.clear()
        self.free.clear()
        if not self.held.wait(PATIENCE):
            raise RuntimeError(f"client {self.who} does not stop: {self.said!r}")

    def go_on(self, *ways: Login) -> None:
        self.ways = list(ways) or self.ways
        self.free.set()

    def more(self, by: int = 25) -> None:
        """Until so many further writes were acknowledged."""
        goal, end = len(self.acknowledged) + by, time.monotonic() + PATIENCE
        while len(self.acknowledged) < goal:
            if self.broken or time.monotonic() > end:
                raise RuntimeError(f"client {self.who} cannot write: {self.said!r}")
            time.sleep(PACE)

    def missing(self, session: psycopg.Connection[Any]) -> int:
        """Rows acknowledged until now that are not on that server."""
        known = len(self.acknowledged)
        query = f"SELECT count(*) FROM {TABLE} WHERE who = %s AND n < %s"  # noqa: S608 - a constant
        row = session.execute(query, (self.who, known)).fetchone()
        return known - (int(row[0]) if row else 0)


@contextmanager
def writing(*writers: Writer) -> Iterator[None]:
    threads = [threading.Thread(target=writer._run, daemon=True) for writer in writers]
    for writer, thread in zip(writers, threads, strict=True):
        writer.go_on()
        thread.start()
    try:
        for writer in writers:
            writer.more()
        yield
    finally:
        for writer in writers:
            writer.stop.set()
        for thread in threads:
            thread.join(PATIENCE)
