"""kill -9 of the cutover, in every step: afterwards exactly one side takes writes, and the next run goes on."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover

from tests.faults.support import BUDGET, killed, one_side, victim
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import Writers, following
from tests.integration.pg_migration.pooled import pooled
from tests.waiting import crowded

BEFORE = (
    "check",
    "refresh",
    "objects",
    "arm",
    "collect",
    "advance",
    "near",
    "pause",
    "close",
    "expel",
    "drain",
    "carry",
    "verify",
    "drain_again",
    "disable",
    "wake",
    "point",
)
AFTER = ("release", "open", "resume")


def test_before_the_point_of_no_return_the_source_is_opened(move: Move) -> None:
    following(move)
    writers = Writers(move)
    with writers.writing():
        for step in BEFORE:
            killed(move, "cutover", step)
            seconds = one_side(move, (True, False), (BUDGET + 5) * crowded())
            print(f"{step}: the source was open {seconds:.2f} s later")
            writers.more(5)
            assert writers.lost(move.source) == []
        result = move(cutover.run, freeze_budget=BUDGET * crowded())
        print(result["message"])
        assert "was called off" in result["message"] or result["phase"] == "switched"
        writers.more()
        one_side(move, (False, True), 1)
    assert writers.lost(move.target) == []


@pytest.mark.parametrize("step", AFTER)
@pytest.mark.fewer("release")
def test_after_it_the_target_is_opened(move: Move, step: str) -> None:
    following(move)
    writers = Writers(move)
    with writers.writing():
        killed(move, "cutover", step)
        one_side(move, (False, True), (BUDGET + 5) * crowded())
        result = move(cutover.run)
        assert result["phase"] == "switched"
        writers.more()
    assert writers.lost(move.target) == []


@pytest.mark.full
def test_a_run_that_hangs_is_ended_and_the_source_opened(move: Move) -> None:
    following(move)
    writers = Writers(move)
    with writers.writing():
        process = victim(move, "cutover", "carry", how="stop", freeze_budget=2.0 * crowded())
        assert process.wait(60) == -9
        one_side(move, (True, False), 5 * crowded())
        assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
        writers.more()
    assert writers.lost(move.target) == []


@pytest.mark.parametrize(
    ("step", "after"), [("carry", (True, False)), ("point", (True, False)), ("release", (False, True))]
)
@pytest.mark.fewer("point-after1")
def test_behind_a_pooler_a_killed_cutover_fails_no_request(move: Move, step: str, after: tuple[bool, bool]) -> None:
    following(move)
    with pooled(move) as pool:
        with pool.requests():
            killed(move, "cutover", step, pooler=pool.settings)
            one_side(move, after, (BUDGET + 5) * crowded())
            pool.more()
            assert move(cutover.run, pooler=pool.settings, freeze_budget=BUDGET * crowded())["phase"] == "switched"
        print(step, "longest wait", max(pool.waits))
        assert pool.failures == []
        assert pool.lost({row[0] for row in move.on_target("SELECT n FROM public.ledger")}) == []
