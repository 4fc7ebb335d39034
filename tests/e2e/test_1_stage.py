"""The main job: an empty account, killed on the way, ends in five services on K3s with the old host's data; then nothing changes."""

from __future__ import annotations

import random

from tests.e2e.support import Outcome, run, run_and_kill

KILLS = 3
SEED = 20261123


def _ok(outcome: Outcome) -> None:
    assert outcome.code == 0, outcome.tail()


def test_check_mode_on_an_empty_account_does_not_crash() -> None:
    outcome = run("--check", "--diff", name="check-empty")
    _ok(outcome)


def test_killed_at_random_points_the_same_command_resumes() -> None:
    moments = random.Random(SEED)  # noqa: S311 - moments to kill at, no secret
    for number in range(KILLS):
        assert run_and_kill(moments.uniform(4, 60), name=f"killed-{number}"), (
            "the run was over before it could be killed"
        )
    outcome = run(name="resumed")
    _ok(outcome)
    assert len([line for line in outcome.summary["proved"] if ": 200 in " in line]) >= 5, outcome.tail()


def test_second_run_changes_nothing() -> None:
    outcome = run(name="second")
    _ok(outcome)
    assert outcome.changed == 0, outcome.tail()


def test_check_mode_on_the_converged_stage_reports_no_change() -> None:
    outcome = run("--check", "--diff", name="check-converged")
    _ok(outcome)
    assert outcome.changed == 0, outcome.tail()
    after = run(name="after-check")
    _ok(after)
    assert after.changed == 0, after.tail()
