"""Seed and follow under kill -9 at random points, while an application writes; and a target without room."""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, follow, launch, verify
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    MigrationError,
    SlotLostError,
    SnapshotLostError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run as seed

from tests.faults.support import BUDGET
from tests.integration.pg_clusters import Cluster
from tests.integration.pg_migration.conftest import Move, big_move, until
from tests.integration.pg_migration.moving import GRANTS, LEDGER, Writers, crowded, sides
from tests.integration.pg_migration.test_seed import MIB, SMALL_PARTS, copied, seeding

__all__ = ["big_move"]

SEED = int(os.environ.get("FAULTS_SEED", "7"))
SEED_POINTS, LEAST_POINTS, FOLLOW_POINTS = 7, 5, 3
SLOW = {**SMALL_PARTS, "rate_limit": MIB}


def killed_and_started(cluster: Cluster) -> None:
    """kill -9 of the postmaster; what it leaves behind keeps the next one waiting for a moment."""
    os.kill(int((cluster.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def started() -> bool:
        with contextlib.suppress(subprocess.CalledProcessError):
            cluster.start()
            return True
        return False

    until(started)


class Killer:
    """What dies, by name. The move is that of the test."""

    def __init__(self, move: Move) -> None:
        self.move = move
        self.ways: dict[str, Callable[[], object]] = {
            "worker": self.worker,
            "snapshot": lambda: self.process("snapshot"),
            "copying session": self.session,
            "source": lambda: killed_and_started(move.source),
            "target": lambda: killed_and_started(move.target),
        }

    def process(self, what: str) -> None:
        number = launch.pid(launch.Unit(self.move.context(), what))
        if number:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def worker(self) -> None:
        self.process("seed")

    def session(self) -> None:
        self.move.target.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'platform_migration/%/seed' LIMIT 1"
        )


def parts(move: Move) -> int:
    """Copied so far; none while there is no server or no table to ask."""
    with contextlib.suppress(Exception):
        return copied(move)
    return 0


def attempt(move: Move, lost: bool, dice: random.Random, kill: Callable[[], str], points: int) -> tuple[int, bool]:
    """The verb once more, as a person gives it. Something dies when some parts more are there, until the run ends; says how often, and
    whether the snapshot is lost now, so that the next one has to begin anew."""
    killed = 0
    with seeding(move, **SLOW, restart=lost) as running:
        while not running.done() and killed < points:
            goal = parts(move) + dice.randrange(4)
            with contextlib.suppress(AssertionError):
                until(lambda: running.done() or parts(move) >= goal, 5)  # noqa: B023
            if not running.done():
                print(f"after {parts(move)} parts: {kill()}", flush=True)
                killed += 1
        error = running.exception(120)
    assert error is None or isinstance(error, PgError | psycopg.Error), repr(error)
    gone = isinstance(error, (SnapshotLostError, SlotLostError))
    assert not gone or "restart=true" in str(error)
    return killed, gone


def test_whatever_dies_at_whatever_point_nothing_is_lost(big_move: Move) -> None:
    move, dice = big_move, random.Random(SEED)  # noqa: S311 - the same points in every run
    move.on_source(LEDGER)
    move.on_source(GRANTS)
    killer = Killer(move)
    writers = Writers(replace(move, target=move.source))  # they know no other server before the cutover
    lost, points = False, 0

    def kill() -> str:
        way = dice.choice(sorted(killer.ways))
        killer.ways[way]()
        return way

    with writers.writing():
        while points < SEED_POINTS and move.context().journal.phase != "seeded":
            killed, lost = attempt(move, lost, dice, kill, SEED_POINTS - points)
            points += killed
        print(f"{points} points of the seed, dice {SEED}")
        assert points >= LEAST_POINTS, "it was over before it was hurt: choose other dice (FAULTS_SEED)"
        while move.context().journal.phase != "seeded":
            try:
                move(seed.run, **SMALL_PARTS, restart=lost)
            except (SnapshotLostError, SlotLostError):
                lost = True
        move.on_target(GRANTS)
        for _ in range(FOLLOW_POINTS):
            way = dice.choice(("source", "target"))
            with contextlib.suppress(PgError, psycopg.Error):
                move(follow.run, follow_timeout=1.0, max_lag=0)
            killer.ways[way]()
            print(f"{way} killed while the target follows", flush=True)
            writers.more(5)
        assert move(follow.run)["phase"] == "following"
        assert move(verify.run.run)["report"]["verdict"] == "the same"
        writers.more()
        assert sides(move) == (True, False)
        writers.stop.set()
        assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
    assert writers.lost(move.target) == []
    assert sides(move) == (False, True)
    move.same_rows()


@pytest.fixture
def small_disk(big_move: Move, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], None]]:
    """The target's database on a file system of its own, which can be made larger."""
    folder = Path("/run") / f"platform-small-{os.getpid()}"
    folder.mkdir(mode=0o700)

    def size(words: str, *more: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={words}{''.join(more)}", "tmpfs", str(folder)], check=True)

    size("24m")
    owner = pwd.getpwnam("postgres")
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    target, name = big_move.target, big_move.dbname
    target.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
    target.execute(f"ALTER DATABASE {name} SET TABLESPACE small")
    try:
        yield lambda words: size(words, ",remount")
    finally:
        launch.stop_all(big_move.context())
        target.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        target.execute("DROP TABLESPACE small")
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def test_a_target_that_is_full_says_so_and_goes_on_with_more_room(
    big_move: Move, small_disk: Callable[[str], None]
) -> None:
    big_move.on_source(LEDGER)
    big_move.on_source(GRANTS)
    with pytest.raises(MigrationError) as caught:
        big_move(seed.run, **SMALL_PARTS)
    said = str(caught.value)
    print(said)
    assert "No space left on device" in said
    assert "the target says" in said
    assert "then run seed again" in said
    assert sides(big_move)[0], "users of the source must not notice"
    small_disk("400m")
    assert big_move(seed.run, **SMALL_PARTS)["phase"] == "seeded"
    big_move.same_rows()
