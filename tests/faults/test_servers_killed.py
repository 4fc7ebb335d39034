"""A server that is killed or not reached in the middle of a cutover or rollback."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, follow, rollback
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import BudgetError, MigrationError

from tests.faults.support import BUDGET, killed, one_side
from tests.integration.pg_clusters import Cluster
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import Writers, at, following, sides, switched, writable
from tests.waiting import crowded, until


def processes(cluster: Cluster) -> list[int]:
    """The server and every process of it."""
    first = int((cluster.data / "postmaster.pid").read_text().split()[0])
    found = [first]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == first:
                found.append(int(stat.parent.name))
    return found


def signal_all(cluster: Cluster, number: signal.Signals) -> None:
    for pid in processes(cluster):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def restart(cluster: Cluster) -> None:
    """As kill -9 of the postmaster does: no checkpoint, every session gone; then somebody starts it again."""
    cluster.stop()
    cluster.start()


@pytest.mark.parametrize("step", ["expel", "drain", "verify", "disable", "point"])
@pytest.mark.fewer("drain", "point")
def test_the_source_dies_in_the_freeze(move: Move, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    following(move)
    writers = Writers(move)
    with writers.writing():
        with at(monkeypatch, step, lambda: restart(move.source)), contextlib.suppress(MigrationError):
            move(cutover.run, freeze_budget=BUDGET * crowded())
        before, after = sides(move)
        assert before != after
        writers.more()
        if before:
            move(follow.run)
            assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
        writers.more()
    assert writers.lost(move.target) == []


@pytest.mark.parametrize("step", ["drain", "disable", "wake"])
@pytest.mark.fewer("wake")
def test_the_target_is_not_reached_in_the_freeze(move: Move, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    following(move)
    writers = Writers(move)
    with writers.writing():
        try:
            with at(monkeypatch, step, move.target.stop), pytest.raises(MigrationError, match="old side is open again"):
                move(cutover.run, freeze_budget=BUDGET * crowded())
            assert sides(move) == (True, False)
            writers.more()
            with pytest.raises(Exception, match="target"):
                move(cutover.run)
            assert sides(move) == (True, False)
        finally:
            move.target.start()
        writers.more()
        move(follow.run)
        assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
        writers.more()
    assert writers.lost(move.target) == []


@pytest.mark.parametrize("step", ["drain", "wake"])
@pytest.mark.fewer("drain")
def test_a_target_that_does_not_answer_costs_the_budget_only(
    move: Move, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Nothing is refused, nothing comes back: as behind a network that drops packets."""
    following(move)
    writers, budget = Writers(move), 2.5 * crowded()

    def stop() -> None:
        with writers.at_no_door():
            signal_all(move.target, signal.SIGSTOP)

    with writers.writing():
        try:
            stalls = at(monkeypatch, step, stop)
            with stalls, pytest.raises(BudgetError, match="old side is open again"):
                move(cutover.run, freeze_budget=budget)
            assert writable(move.source, move.dbname)
            writers.more()
        finally:
            signal_all(move.target, signal.SIGCONT)
        assert writers.longest < budget + 5 * crowded()
        assert sides(move) == (True, False)
        move(follow.run)
        assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
        writers.more()
    assert writers.lost(move.target) == []


def test_the_target_dies_after_the_point_of_no_return(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its writers wait until it is back: nothing else is right any more."""
    following(move)
    writers = Writers(move)
    with writers.writing():
        with at(monkeypatch, "open", lambda: restart(move.target)):
            assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
        writers.more()
    assert sides(move) == (False, True)
    assert writers.lost(move.target) == []


@pytest.mark.parametrize("step", ["arm", "close", "drain", "verify", "disable", "release", "open"])
@pytest.mark.fewer("arm", "release")
def test_the_rollback_is_killed(move: Move, step: str) -> None:
    switched(move)
    writers = Writers(move)
    with writers.writing():
        if step == "arm":  # no run: the source dies during the soak, and is caught up afterwards
            restart(move.source)
        else:
            killed(move, "rollback", step)
            one_side(move, (True, False) if step in ("release", "open") else (False, True), (BUDGET + 5) * crowded())
        writers.more()
        until(lambda: move.source.execute("SELECT count(*) FROM pg_stat_replication") is not None)
        assert move(rollback.run, freeze_budget=BUDGET * crowded())["phase"] == "returned"
        writers.more()
    assert sides(move) == (True, False)
    assert writers.lost(move.source) == []
