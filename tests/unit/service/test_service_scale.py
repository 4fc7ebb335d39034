"""Autoscalers and deploys: a service that grew while something else took its time is never forced back."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Target

from .fake import CRASH, NO_IMAGE, UNREADY
from .stage import MIGRATED, Stage, cart

RUSH: dict[str, Any] = {"hpa": {"min": 2, "max": 20}}


@pytest.fixture
def stage(target: Target) -> Stage:
    return Stage(target)


def replicas(stage: Stage) -> Any:
    return stage.cluster.objects["Deployment", "cart"]["spec"]["replicas"]


def sizes(stage: Stage) -> list[Any]:
    """Every number of pods that the run asked for."""
    return [obj["spec"]["replicas"] for obj in stage.cluster.history if obj["kind"] == "Deployment"]


def grow(stage: Stage, amid: str) -> None:
    """Let the autoscaler go to 18 once an object of this kind was applied."""

    def rush() -> None:
        if any(kind == amid for _verb, kind, _name in stage.cluster.writes):
            stage.cluster.objects["Deployment", "cart"]["spec"]["replicas"] = 18

    stage.cluster.on_sleep = rush


def test_what_grew_during_a_migration_stays(stage: Stage) -> None:
    stage.run(cart(**RUSH))
    grow(stage, amid="Job")
    outcome = stage.run(cart(**RUSH, **MIGRATED, env={"NEW": "1"}))
    assert not outcome.lost
    assert sizes(stage) == [18]


@pytest.mark.parametrize("fate", [NO_IMAGE, CRASH, UNREADY])
def test_what_grew_during_a_bad_rollout_stays_when_it_is_undone(stage: Stage, fate: str) -> None:
    stage.run(cart(**RUSH))
    grow(stage, amid="Deployment")
    outcome = stage.run(cart(fate, **RUSH))
    assert outcome.undone == {"cart": "undone to revision 1, which serves"}
    assert sizes(stage) == [2, 18]


def test_the_undo_of_a_release_without_autoscaler_brings_back_the_size_of_before(stage: Stage) -> None:
    stage.run(cart(**RUSH))
    stage.cluster.objects["Deployment", "cart"]["spec"]["replicas"] = 18
    stage.run(cart(NO_IMAGE))
    assert sizes(stage) == [2, 18]


def test_the_undo_of_another_fixed_size_brings_back_the_one_of_before(stage: Stage) -> None:
    stage.run(cart(replicas=5))
    stage.run(cart(NO_IMAGE, replicas=1))
    assert sizes(stage) == [1, 5]
    stage.run(cart(NO_IMAGE, **RUSH))
    assert replicas(stage) == 5
