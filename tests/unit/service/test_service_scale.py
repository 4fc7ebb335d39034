"""Autoscalers and deploys: a service that grew while something else took its time is never forced back."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Target

from .fake import CRASH, NO_IMAGE, UNREADY
from .stage import MIGRATED, Stage, cart, pay

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


LESS: dict[str, Any] = {"hpa": {"min": 2, "max": 4}}


def steps(stage: Stage) -> list[tuple[str, Any]]:
    """Every maximum and every number of pods that the run asked for, in order."""
    keys = {"HorizontalPodAutoscaler": "maxReplicas", "Deployment": "replicas"}
    return [(obj["kind"][0], obj["spec"][keys[obj["kind"]]]) for obj in stage.cluster.history if obj["kind"] in keys]


@pytest.fixture
def grown(stage: Stage) -> Stage:
    stage.run(cart(**RUSH))
    stage.cluster.objects["Deployment", "cart"]["spec"]["replicas"] = 18
    return stage


def test_a_smaller_maximum_comes_after_the_rollout_is_proved(grown: Stage) -> None:
    outcome = grown.run(cart(**LESS, env={"NEW": "1"}))
    assert not outcome.lost
    assert steps(grown) == [("H", 20), ("D", 18), ("H", 4), ("D", 4)]
    assert not grown.run(cart(**LESS, env={"NEW": "1"})).changed


def test_a_smaller_maximum_alone_takes_the_pods_above_it_away(grown: Stage) -> None:
    assert grown.run(cart(**LESS)).changed
    assert steps(grown)[-2:] == [("H", 4), ("D", 4)]
    assert not grown.run(cart(**LESS)).changed


def test_a_smaller_maximum_that_leaves_the_pods_alone_sends_no_deployment(stage: Stage) -> None:
    stage.run(cart(**RUSH))
    stage.run(cart(**LESS))
    assert steps(stage) == [("H", 20), ("H", 4)]


def test_a_bad_release_never_brings_its_smaller_maximum(grown: Stage) -> None:
    grown.run(cart(NO_IMAGE, **LESS))
    assert ("H", 4) not in steps(grown)
    assert sizes(grown) == [18, 18]
    grown.run(cart(NO_IMAGE, **LESS), undo=False)
    assert grown.cluster.objects["HorizontalPodAutoscaler", "cart"]["spec"]["maxReplicas"] == 20
    assert replicas(grown) == 18
    grown.run(cart(**LESS))
    assert steps(grown)[-2:] == [("H", 4), ("D", 4)]


def test_another_service_that_is_lost_does_not_keep_the_maximum_of_a_proved_one(grown: Stage) -> None:
    grown.run(cart(**LESS, env={"NEW": "1"}), pay(NO_IMAGE))
    assert replicas(grown) == 4


def test_the_first_autoscaler_of_a_service_takes_its_pods_away_after_the_rollout_only(stage: Stage) -> None:
    stage.run(cart(replicas=9))
    stage.run(cart(**LESS, env={"NEW": "1"}))
    assert steps(stage) == [("H", 9), ("D", 9), ("H", 4), ("D", 4)]


def test_a_greater_maximum_and_a_new_service_need_one_step(stage: Stage) -> None:
    stage.run(cart(**LESS))
    assert steps(stage) == [("H", 4), ("D", 2)]
    stage.run(cart(**RUSH))
    assert steps(stage) == [("H", 20)]
