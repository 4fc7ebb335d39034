"""The same question to both sides at the same time, and work shared among such pairs of sessions."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Condition, Lock
from typing import Any, Generic, TypeVar

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.leg import Leg

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

Item = TypeVar("Item")
Rows = list[tuple[Any, ...]]


def ask(session: psycopg.Connection[Any], where: Endpoint, text: str, values: Sequence[Any] | None = None) -> Rows:
    """A percent sign in a name must survive: with values, the text comes from `quoted`."""
    try:
        # Not prepared: a plan for any key may be a bad one for these.
        return session.execute(sql.SQL(text), values, prepare=False).fetchall()
    except psycopg.Error as error:
        words = " ".join(str(error).split())
        raise MigrationError(
            f"{where.side} {where.label} did not answer while it was compared: {words}. Mend: see its log; then the same verb again"
        ) from None


class Pair:
    """One session on each side."""

    def __init__(self, leg: Leg, publisher: psycopg.Connection[Any], subscriber: psycopg.Connection[Any]) -> None:
        self.leg = leg
        self.sessions = (publisher, subscriber)
        self.helper = ThreadPoolExecutor(1)

    def publisher(self, text: str, values: Sequence[Any] | None = None) -> Rows:
        return ask(self.sessions[0], self.leg.publisher, text, values)

    def subscriber(self, text: str, values: Sequence[Any] | None = None) -> Rows:
        return ask(self.sessions[1], self.leg.subscriber, text, values)

    def both(self, text: str, values: Sequence[Any] | None = None) -> tuple[Rows, Rows]:
        there = self.helper.submit(self.subscriber, text, values)
        try:
            here = self.publisher(text, values)
        finally:
            wait([there])  # a session must be idle before anybody uses it again
        return here, there.result()

    def set(self, *settings: str) -> None:
        for session in self.sessions:
            for setting in settings:
                session.execute(sql.SQL("SET " + setting))


@contextlib.contextmanager
def pair(leg: Leg, *settings: str) -> Iterator[Pair]:
    with connect(leg.publisher, leg.application) as here, connect(leg.subscriber, leg.application) as there:
        made = Pair(leg, here, there)
        try:
            made.set("default_transaction_read_only TO off", *settings)
            yield made
        finally:
            made.helper.shutdown(wait=True)


class Work(Generic[Item]):
    """A list of things to do to which the workers themselves may add; it ends when nobody can add any more."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = deque(items)
        self.active = 0
        self.failed = False
        self.changed = Condition()

    def add(self, items: Iterable[Item]) -> None:
        """In front: what was begun is ended before the next thing is begun."""
        with self.changed:
            self.items.extendleft(reversed(list(items)))
            self.changed.notify_all()

    def take(self) -> Item | None:
        with self.changed:
            while not self.items and self.active and not self.failed:
                self.changed.wait(1.0)
            if self.failed or not self.items:
                return None
            self.active += 1
            return self.items.popleft()

    def done(self, failed: bool) -> None:
        with self.changed:
            self.active -= 1
            self.failed = self.failed or failed
            self.changed.notify_all()


class Stream(Generic[Item]):
    """Things to do that are made one at a time, so that they need not all be held."""

    def __init__(self, items: Iterator[Item]) -> None:
        self.items = items
        self.failed = False
        self.lock = Lock()

    def take(self) -> Item | None:
        with self.lock:
            return None if self.failed else next(self.items, None)

    def done(self, failed: bool) -> None:
        self.failed = self.failed or failed


def share(
    leg: Leg, jobs: int, work: Work[Item] | Stream[Item], do: Callable[[Pair, Item], None], *settings: str
) -> None:
    """Every item by one of `jobs` pairs of sessions. The first failure ends it all."""

    def worker() -> None:
        with pair(leg, *settings) as sessions:
            while (item := work.take()) is not None:
                good = False
                try:
                    do(sessions, item)
                    good = True
                finally:
                    work.done(failed=not good)

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        for future in [pool.submit(worker) for _ in range(max(1, jobs))]:
            future.result()
