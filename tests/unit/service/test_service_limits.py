"""How long is waited: what a service file allows itself counts, what stands still ends, and everything ends."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Target

from .fake import NO_NODE, UNREADY, WELL
from .stage import Stage, cart


@pytest.fixture
def stage(target: Target) -> Stage:
    return Stage(target)


def migrated(timeout: int) -> dict[str, object]:
    return {"migrations": {"command": ["migrate"], "timeout": timeout}}


def test_a_migration_may_take_as_long_as_its_file_says(stage: Stage) -> None:
    stage.cluster.job_seconds = 900
    assert not stage.run(cart(**migrated(1000)), timeout=300).lost


def test_a_migration_that_takes_longer_is_told_by_the_cluster(stage: Stage) -> None:
    stage.cluster.job_seconds = 900
    [lost] = stage.run(cart(**migrated(400)), timeout=300).lost
    assert "active longer than specified deadline" in lost.text
    assert stage.cluster.seconds < 440


def test_a_short_migration_still_has_the_time_of_the_run(stage: Stage) -> None:
    stage.run(cart())
    stage.cluster.job_seconds = 100_000
    stage.run(cart(**migrated(10)), timeout=300)
    assert stage.cluster.seconds < 60


def test_a_rollout_that_gets_further_is_waited_for(stage: Stage) -> None:
    stage.run(cart(replicas=20))
    stage.cluster.slow = 50
    assert not stage.run(cart(replicas=20, env={"NEW": "1"}), timeout=300).lost


def test_a_pod_that_needs_long_is_given_what_its_file_says(stage: Stage) -> None:
    stage.cluster.slow = 700
    assert not stage.run(cart(replicas=1, progress_deadline=800), timeout=300).lost


@pytest.mark.parametrize(("deadline", "timeout", "within"), [(50, 300, 55), (500, 60, 505)])
def test_a_rollout_that_stands_still_ends_at_the_deadline_of_the_service(
    stage: Stage, deadline: int, timeout: float, within: float
) -> None:
    stage.run(cart())
    [lost] = stage.run(cart(UNREADY, progress_deadline=deadline), timeout=timeout).lost
    assert "no progress within the deadline" in lost.text
    assert deadline <= stage.cluster.seconds <= within + 5


def test_a_cluster_that_never_judges_is_not_waited_for_without_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.cluster, "_roll", lambda _deployment: None)
    [lost] = stage.run(cart(progress_deadline=100), timeout=300).lost
    assert lost.text == "it stands at waits for the controller; the time limit was reached"
    assert 300 <= stage.cluster.seconds <= 305


def test_a_pod_that_comes_and_goes_is_no_progress(stage: Stage) -> None:
    """Neither does the cluster's own deadline pass, for it counts each time."""
    stage.run(cart())

    def flap() -> None:
        stage.cluster.slow = 0.7 * stage.cluster.seconds if int(stage.cluster.seconds) % 40 == 0 else 1e6

    stage.cluster.on_sleep = flap
    [lost] = stage.run(cart(WELL, env={"NEW": "1"}, progress_deadline=60), timeout=300, undo=False).lost
    assert 300 <= stage.cluster.seconds < 400, lost.text


def test_no_room_on_the_nodes_is_told_before_a_long_deadline(stage: Stage) -> None:
    stage.run(cart())
    [lost] = stage.run(cart(NO_NODE, progress_deadline=3600)).lost
    assert "no node takes the pod (Unschedulable): 0/3 nodes available" in lost.text
    assert 180 <= stage.cluster.seconds <= 190
