"""Seed and follow under kill -9 at random points, while an application writes."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, follow, launch, verify
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    SlotLostError,
    SnapshotLostError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run as seed

from tests.faults.support import BUDGET, victim
from tests.integration.pg_clusters import Cluster
from tests.integration.pg_migration.conftest import Move, big_move, until
from tests.integration.pg_migration.moving import GRANTS, LEDGER, Writers, sides
from tests.integration.pg_migration.test_seed import MIB, SMALL_PARTS, copied
from tests.waiting import crowded

__all__ = ["big_move"]

SEED = int(os.environ.get("FAULTS_SEED", "7"))
SEED_WAYS = ("controller", "worker", "snapshot", "copying session", "source", "target")
FOLLOW_WAYS = ("controller", "comparison", "source", "target")
POINTS = 10  # of seed and follow together, at least
SEED_POINTS, LEAST_POINTS = 8, POINTS - len(FOLLOW_WAYS)
SLOW = {**SMALL_PARTS, "part_bytes": MIB // 8, "rate_limit": MIB}
LOST = (SnapshotLostError.__name__, SlotLostError.__name__)


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
    """What dies, by name. Every one of a list dies before one dies twice."""

    def __init__(self, move: Move, dice: random.Random) -> None:
        self.move, self.dice = move, dice
        self.running: subprocess.Popen[str] | None = None  # the process that was given the verb
        self.ways: dict[str, Callable[[], object]] = {
            "controller": self.controller,
            "worker": lambda: self.process("seed"),
            "comparison": lambda: self.process("verify"),
            "snapshot": lambda: self.process("snapshot"),
            "copying session": self.session,
            "source": lambda: killed_and_started(move.source),
            "target": lambda: killed_and_started(move.target),
        }
        self.deck: list[str] = []

    def process(self, what: str) -> None:
        number = launch.pid(launch.Unit(self.move.context(), what))
        if number:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)

    def controller(self) -> None:
        """And what it launched goes on: the next run has to find it."""
        assert self.running
        self.running.kill()
        self.running.wait()

    def session(self) -> None:
        self.move.target.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'platform_migration/%/seed' LIMIT 1"
        )

    def chosen(self, *ways: str) -> str:
        self.deck = self.deck or self.dice.sample(ways, len(ways))
        return self.deck.pop()

    def kill(self, *ways: str) -> str:
        way = self.chosen(*ways)
        self.ways[way]()
        return way


def parts(move: Move) -> int:
    """Copied so far; none while there is no server or no table to ask."""
    with contextlib.suppress(Exception):
        return copied(move)
    return 0


def ended(process: subprocess.Popen[str]) -> str:
    """What it said last: a result, an error with its mend, or nothing when it was killed. Never a fault of ours."""
    process.wait(120)
    said = process.stdout.read().strip() if process.stdout else ""
    assert process.returncode in (0, -9) or "Mend" in said, said
    return said.splitlines()[-1] if said else ""


def attempt(killer: Killer, lost: bool, points: int) -> tuple[int, bool]:
    """The verb once more, as a person gives it. Something dies when some parts more are there, until the run ends; says how often, and
    whether the snapshot is lost now, so that the next one has to begin anew."""
    move, killed = killer.move, 0
    process = killer.running = victim(move, "seed", **SLOW, restart=lost)

    def over() -> bool:
        return process.poll() is not None

    while not over() and killed < points:
        goal = parts(move) + killer.dice.randrange(4)
        with contextlib.suppress(AssertionError):
            until(lambda: over() or parts(move) >= goal, 12)  # noqa: B023
        if not over():
            at = parts(move)
            print(f"after {at} parts: {killer.kill(*SEED_WAYS)}", flush=True)
            killed += 1
    said = ended(process)
    gone = said.startswith(LOST)
    assert not gone or "restart=true" in said
    return killed, gone


def unhurt(move: Move, writers: Writers) -> None:
    """Users write to the source, and to it alone, and all that they were told is there."""
    writers.more(1)
    assert sides(move) == (True, False)
    assert writers.lost(move.source) == []


def seeded(killer: Killer, writers: Writers) -> None:
    """The verb again and again, hurt each time, then left in peace."""
    move, points, lost = killer.move, 0, False
    while points < SEED_POINTS and move.context().journal.phase != "seeded":
        killed, lost = attempt(killer, lost, SEED_POINTS - points)
        points += killed
        unhurt(move, writers)
    print(f"{points} points of the seed, dice {SEED}")
    assert points >= LEAST_POINTS, "it was over before it was hurt: choose other dice (FAULTS_SEED)"
    while move.context().journal.phase != "seeded":
        try:
            move(seed.run, **SMALL_PARTS, restart=lost)
        except (SnapshotLostError, SlotLostError):
            lost = True


def followed(killer: Killer, writers: Writers) -> None:
    """Each way once, while the target follows or is compared; the same verb then does what it was to do."""
    move = killer.move
    killer.deck = []
    for _ in FOLLOW_WAYS:
        way = killer.chosen(*FOLLOW_WAYS)
        if way == "comparison":
            process = victim(move, "verify", attach=60.0)
            until(lambda: process.poll() is not None or launch.alive(launch.Unit(move.context(), "verify")))  # noqa: B023
        else:
            # It waits for a target that is nearer than it can be, so that it does not end by itself.
            process = victim(move, "follow", follow_timeout=3.0, max_lag=-1)
            writers.more(1 + killer.dice.randrange(40))
        killer.running = process
        killer.ways[way]()
        print(f"{way} killed while the target follows", flush=True)
        ended(process)
        assert move(follow.run)["phase"] == "following"
        unhurt(move, writers)


def test_whatever_dies_at_whatever_point_nothing_is_lost(big_move: Move) -> None:
    move = big_move
    move.on_source(LEDGER)
    move.on_source(GRANTS)
    killer = Killer(move, random.Random(SEED))  # noqa: S311 - the same points in every run
    writers = Writers(replace(move, target=move.source))  # they know no other server before the cutover
    with writers.writing():
        seeded(killer, writers)
        move.on_target(GRANTS)
        move(follow.run)
        followed(killer, writers)
        assert move(verify.run.run)["report"]["verdict"] == "the same"
        writers.more()
        writers.stop.set()
        assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
    assert writers.lost(move.target) == []
    assert sides(move) == (False, True)
    move.same_rows()
