"""Lanes of a seed are threads of one process: one that waits for a server must not hold up the others."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Table
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import copy
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.plan import Part

from tests.integration.pg_migration.conftest import Move

PART = Part(Table("public", "rows", "public.rows", 1, 1, 3), 1, 0, None, 1)
PAUSE = 0.5  # of a server, between two rows
SLOW = "SELECT n, repeat('x', 20000) || pg_sleep(0.5)::text FROM generate_series(1, 3) n"
INTO = b"COPY public.rows FROM STDIN"


# A process of its own that does what the other lane does: where both stood still, it was the machine.
WITNESS = """
import select, sys, time
last = time.monotonic()
while not select.select([sys.stdin], [], [], 0.005)[0]:
    last, before = time.monotonic(), last
    if last - before > 0.05:
        print(before, last)
"""


class Other:
    """Another lane: how long it was held up at most."""

    def __init__(self) -> None:
        self._moments: list[float] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._stood_still: list[tuple[float, float]] = []

    def _run(self) -> None:
        while not self._end.is_set():
            self._moments.append(time.monotonic())
            time.sleep(0.005)

    def __enter__(self) -> Other:
        self._witness = subprocess.Popen(
            [sys.executable, "-c", WITNESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        said, _ = self._witness.communicate()
        self._stood_still = [
            (float(begun), float(over)) for begun, over in (line.split() for line in said.splitlines())
        ]

    def _held_up(self, before: float, after: float) -> float:
        """Of a gap, what the machine had no part in."""
        return (
            after - before - sum(max(0.0, min(after, over) - max(before, begun)) for begun, over in self._stood_still)
        )

    @property
    def longest(self) -> float:
        return max(self._held_up(before, after) for before, after in itertools.pairwise(self._moments))


@pytest.fixture
def passed() -> list[int]:
    return []


def carry(move: Move, out: str, passed: list[int]) -> tuple[int, int]:
    ends = move.context().ends
    with copy.session(ends.source, "lanes") as source, copy.session(ends.target, "lanes") as target:
        lane = copy.Lane(source, target, {}, lambda _part, size: passed.append(size))
        with target.transaction():
            return copy._stream(lane, PART, f"COPY ({out}) TO STDOUT".encode(), INTO)


def test_a_lane_that_waits_for_its_source_lets_the_others_work(move: Move, passed: list[int]) -> None:
    move.target.execute("CREATE TABLE public.rows (n int, t text)", move.dbname)
    with Other() as other:
        rows, size = carry(move, SLOW, passed)
    assert (rows, size) == (3, sum(passed))
    assert move.on_target("SELECT n, length(t) FROM public.rows ORDER BY n") == [(n, 20000) for n in (1, 2, 3)]
    assert other.longest < PAUSE * 0.8


def test_a_lane_that_waits_for_its_target_lets_the_others_work(move: Move, passed: list[int]) -> None:
    move.target.execute(
        "CREATE TABLE public.rows (n int, t text);"
        "CREATE FUNCTION public.waits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END $$;"
        "CREATE TRIGGER waits BEFORE INSERT ON public.rows FOR EACH ROW EXECUTE FUNCTION public.waits();"
        "ALTER TABLE public.rows ENABLE ALWAYS TRIGGER waits",
        move.dbname,
    )
    # More than what lies between two servers holds: the sender has to wait.
    with Other() as other:
        rows, size = carry(move, "SELECT n, repeat('x', 9000000) FROM generate_series(1, 3) n", passed)
    assert rows == 3
    assert size == sum(passed) > 27_000_000
    assert other.longest < PAUSE * 0.8


def test_what_the_target_refuses_meanwhile_is_said(move: Move, passed: list[int]) -> None:
    move.target.execute("CREATE TABLE public.rows (n int CHECK (n < 2), t text)", move.dbname)
    with pytest.raises(MigrationError, match=r"the target says: .*rows_n_check"):
        carry(move, "SELECT n, repeat('x', 1000000) FROM generate_series(1, 40) n", passed)
