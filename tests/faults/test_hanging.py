"""What hangs while a side is opened, or wakes up after it was."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._cutover import run as cutovers
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, follow, freeze, watchdog
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import BudgetError, MigrationError

from tests.faults.support import BUDGET, one_side, victim
from tests.faults.test_servers_killed import at
from tests.integration.pg_clusters import Cluster
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import Writers, following, sides
from tests.waiting import crowded, until

BACKENDS = (
    "SELECT pid, coalesce(state = 'idle' AND wait_event = 'ClientRead', false) FROM pg_stat_activity"
    " WHERE application_name ~ '^platform_migration/[0-9a-f]+$' AND pid <> pg_backend_pid()"
)


def stop_sessions(cluster: Cluster, stopped: list[int]) -> None:
    """The sessions of the run, not the server: as when packets of a known connection are dropped on the way.

    Such a session waits for its client. One that is stopped at work, or in a transaction, may hold a lock that no server hands on: a
    server that is alive ends it by its own timeouts, which a stopped process cannot.
    """
    end = time.monotonic() + 5
    while not (sessions := cluster.execute(BACKENDS)) or not all(waits for _, waits in sessions):
        assert time.monotonic() < end, sessions
        time.sleep(0.01)
    for pid, _ in sessions:
        os.kill(pid, signal.SIGSTOP)
        stopped.append(pid)


def wake(stopped: list[int]) -> None:
    for pid in stopped:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("step", ["open", "reopen"])
@pytest.mark.fewer("open")
def test_a_session_hangs_while_a_side_is_opened(move: Move, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    following(move)
    # Long enough for the attempt after the hung one, on a machine that became busy only now; never longer than the watchdog beside it knows,
    # which ends a run (here: these tests) that gives no sign of another attempt.
    monkeypatch.setattr(cutovers, "ATTEMPT", min(5.0 * crowded(), cutovers.ATTEMPT))
    writers, stopped = Writers(move), list[int]()
    side = move.target if step == "open" else move.source
    with writers.writing():
        try:
            with at(monkeypatch, step, lambda: stop_sessions(side, stopped)):
                result = move(cutover.run, freeze_budget=BUDGET * crowded(), rehearse=step == "reopen")
            assert sides(move) == ((False, True) if step == "open" else (True, False))
            writers.more()
        finally:
            wake(stopped)
        writers.more()
    assert result["phase"] == ("switched" if step == "open" else "following")
    assert sides(move) == ((False, True) if step == "open" else (True, False))
    assert writers.lost(move.target if step == "open" else move.source) == []


@pytest.mark.full
def test_a_close_that_hung_does_not_shut_what_was_opened(move: Move) -> None:
    """It waits for somebody's uncommitted ALTER ROLE, is given up, and gets its turn when that is rolled back."""
    following(move)
    writers = Writers(move)
    with writers.writing(), move.source.admin(move.dbname) as somebody:
        somebody.autocommit = False
        somebody.execute("ALTER ROLE shopper CONNECTION LIMIT 50")
        with pytest.raises(BudgetError, match=r"freeze of postgresql.*old side is open again"):
            move(cutover.run, freeze_budget=2.0 * crowded())
        somebody.rollback()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            with move.context().source() as session:
                assert not freeze.closed(session)
            assert sides(move) == (True, False)
        writers.more()
        move(follow.run)
        assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
        writers.more()
    assert writers.lost(move.target) == []


def test_what_is_given_up_asks_the_pooler_for_nothing(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pooler that answers late, in the moment when it is to lead to the target, leads to the source in the end."""
    following(move)
    asked: list[str] = []

    class Late:
        def pause(self) -> None: ...
        def resume(self) -> None: ...
        def check(self, *ends: object) -> None: ...
        def point(self, end: object) -> None:
            if not asked:
                asked.append("late")
                time.sleep(3.0 * crowded())
            asked.append(end.side)  # type: ignore[attr-defined]

    monkeypatch.setattr(
        "ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.pooling.make", lambda _: Late()
    )
    with pytest.raises(MigrationError, match="old side is open again"):
        move(cutover.run, freeze_budget=2.5 * crowded())
    until(lambda: len(asked) >= 3, seconds=10)
    assert asked[-1] == "source", asked
    assert sides(move) == (True, False)


@pytest.mark.parametrize("step", ["open", "reopen"])
@pytest.mark.full
def test_a_run_that_stands_still_while_it_opens_is_replaced(move: Move, step: str) -> None:
    following(move)
    writers = Writers(move)
    with writers.writing():
        process = victim(move, "cutover", step, how="stop", rehearse=step == "reopen")
        until(lambda: sides(move) == (False, False), seconds=30)
        one_side(move, (False, True) if step == "open" else (True, False), watchdog.STILL + 20 * crowded())
        assert process.wait(20) == -9
        writers.more()
    assert writers.lost(move.target if step == "open" else move.source) == []
