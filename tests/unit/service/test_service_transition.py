"""A release that changes port, network needs, autoscaler or paths: the pods of before serve until the new ones do, or again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Service, Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import Object
from ansible_collections.tiketi.platform.plugins.module_utils._service.plan import Verb
from ansible_collections.tiketi.platform.plugins.module_utils._service.transition import admits, widened

from .conftest import service_of
from .fake import NO_IMAGE, WELL, image
from .stage import MIGRATED, Stage, cart, pay


@pytest.fixture
def stage(target: Target) -> Stage:
    return Stage(target)


def ports(policy: Object, way: str) -> set[int]:
    return {port["port"] for rule in policy["spec"].get(way, []) for port in rule["ports"]}


def policies(stage: Stage, name: str = "cart") -> list[Object]:
    """Every state of the policy since the run began, the last one at the end."""
    return [o for o in stage.cluster.history if (o["kind"], o["metadata"]["name"]) == ("NetworkPolicy", name)]


def order(stage: Stage, kind: str, name: str = "cart") -> list[int]:
    return [i for i, (_verb, k, n) in enumerate(stage.cluster.writes) if (k, n) == (kind, name)]


def test_a_port_that_changes_with_a_bad_release_leaves_the_old_pods_reachable(stage: Stage) -> None:
    stage.run(cart(), pay())
    outcome = stage.run(cart(NO_IMAGE, port=9090), pay())
    assert outcome.undone == {"cart": "undone to revision 1, which serves"}
    assert stage.cluster.objects["Service", "cart"]["spec"]["ports"][0]["targetPort"] == "http"
    assert all(8080 in ports(policy, "ingress") for policy in policies(stage))
    assert 8080 in ports(stage.cluster.objects["NetworkPolicy", "cart"], "ingress")


def test_a_port_that_changes_well_is_open_on_both_sides_until_the_rollout_is_through(stage: Stage) -> None:
    caller = service_of(name="shop", paths=["/shop"], image=image(WELL), network={"calls": ["cart"]})
    stage.run(cart(), caller)
    stage.run(cart(port=9090), caller)
    for name, way in (("cart", "ingress"), ("shop", "egress")):
        assert [ports(policy, way) for policy in policies(stage, name)] == [{8080, 9090}, {9090}]
        before, after = order(stage, "NetworkPolicy", name)
        assert before < order(stage, "Deployment")[0] < after
    assert not stage.run(cart(port=9090), caller).changed


@pytest.mark.parametrize("fate", [WELL, NO_IMAGE])
def test_a_store_that_is_no_longer_needed_is_closed_after_the_old_pods(stage: Stage, fate: str) -> None:
    stage.run(cart(redis=True))
    stage.run(cart(fate))
    assert all(6379 in ports(policy, "egress") for policy in policies(stage)[:-1])
    assert (6379 in ports(stage.cluster.objects["NetworkPolicy", "cart"], "egress")) is (fate == NO_IMAGE)


def test_the_old_pods_end_before_the_network_closes(stage: Stage) -> None:
    stage.run(cart(redis=True))
    labels = {"app.kubernetes.io/name": "cart"}
    metadata = {"name": "old", "labels": labels, "deletionTimestamp": "now", "deletionGracePeriodSeconds": 30}
    stage.cluster.objects["Pod", "old"] = {"kind": "Pod", "metadata": metadata, "ends": stage.cluster.seconds + 25}
    ended: list[float] = []
    stage.cluster.on_sleep = lambda: (
        ended.append(stage.cluster.seconds)
        if stage.cluster.seconds > 25 and stage.cluster.objects.pop(("Pod", "old"), None)
        else None
    )
    stage.run(cart())
    assert ended, "the policy was narrowed under a pod that still ended"
    assert 6379 not in ports(stage.cluster.objects["NetworkPolicy", "cart"], "egress")


def test_a_killed_run_leaves_a_wide_policy_that_the_next_one_narrows(stage: Stage) -> None:
    stage.run(cart(redis=True))
    stage.run(cart(NO_IMAGE))
    assert 6379 in ports(stage.cluster.objects["NetworkPolicy", "cart"], "egress")
    outcome = stage.run(cart())
    assert ("NetworkPolicy", "cart") in {(i.kind, i.name) for i in outcome.changes if i.verb is Verb.UPDATE}
    assert 6379 not in ports(stage.cluster.objects["NetworkPolicy", "cart"], "egress")
    assert not stage.run(cart()).changed


def test_what_stands_around_a_lost_service_goes_back_with_its_pods(stage: Stage) -> None:
    stage.run(cart(hpa={"min": 2, "max": 20}, pdb={"max_unavailable": 2}))
    stage.cluster.objects["Service", "cart"]["spec"]["clusterIP"] = "10.43.0.9"
    stage.cluster.objects["Service", "cart"]["spec"]["ports"][0]["targetPort"] = 8080  # as an earlier version made it
    stage.run(cart(NO_IMAGE, hpa={"min": 2, "max": 4}, paths=["/other"]))
    found = stage.cluster.objects
    assert found["HorizontalPodAutoscaler", "cart"]["spec"]["maxReplicas"] == 20
    assert found["PodDisruptionBudget", "cart"]["spec"]["maxUnavailable"] == 2
    assert found["Service", "cart"]["spec"]["ports"][0]["targetPort"] == 8080
    assert "clusterIP" not in stage.cluster.history[-2]["spec"], "what the server chose is not ours"
    assert found["Ingress", "cart"]["spec"]["rules"][0]["http"]["paths"][0]["path"] == "/cart"


def test_an_autoscaler_that_came_with_a_lost_release_goes_with_it(stage: Stage) -> None:
    stage.run(cart())
    stage.run(cart(NO_IMAGE, hpa={"min": 2, "max": 4}))
    assert ("HorizontalPodAutoscaler", "cart") not in stage.cluster.objects


def test_traffic_comes_after_the_pods(stage: Stage) -> None:
    stage.run(cart())
    assert order(stage, "Ingress") > order(stage, "Deployment")
    outcome = stage.run(cart(NO_IMAGE, paths=["/cart", "/more"]), pay())
    assert ("Ingress", "pay") in stage.cluster.objects
    assert ("Ingress", "cart") not in {(i.kind, i.name) for i in outcome.changes if i.verb is Verb.UPDATE}


def test_a_path_is_not_handed_over_to_a_service_that_is_lost(stage: Stage) -> None:
    def taker(fate: str, **changes: Any) -> Service:
        return service_of(**{"name": "taker", "image": image(fate), "paths": ["/more"], **changes})

    stage.run(cart(paths=["/cart", "/more"]))
    stage.run(cart(), taker(NO_IMAGE))
    kept = stage.cluster.objects["Ingress", "cart"]["spec"]["rules"][0]["http"]["paths"]
    assert [path["path"] for path in kept] == ["/cart", "/more"]
    assert ("Ingress", "taker") not in stage.cluster.objects
    stage.run(cart(), taker(WELL))
    assert len(stage.cluster.objects["Ingress", "cart"]["spec"]["rules"][0]["http"]["paths"]) == 1


def test_a_failed_migration_changes_nothing_around_the_old_pods(stage: Stage) -> None:
    stage.run(cart(hpa={"min": 2, "max": 20}))
    stage.run(cart(NO_IMAGE, hpa={"min": 2, "max": 4}, **MIGRATED))
    assert stage.cluster.objects["HorizontalPodAutoscaler", "cart"]["spec"]["maxReplicas"] == 20
    assert not order(stage, "Ingress")


def test_serving_is_only_said_of_what_the_service_reaches(stage: Stage) -> None:
    stage.run(cart())
    stage.cluster.unreachable = {"cart"}
    said = stage.run(cart(NO_IMAGE)).undone["cart"]
    assert said == "undone to revision 1, whose pods are ready, but the Service has no ready endpoint"


def test_a_direction_is_closed_only_where_both_close_it(changed: Callable[..., Target]) -> None:
    old = {"spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": ["a"]}]}}
    new = {"spec": {"podSelector": {}, "policyTypes": ["Egress", "Ingress"], "egress": [{"to": ["b"]}]}}
    wide = widened(new, old)
    assert wide["spec"] == {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"to": ["b"]}, {"to": ["a"]}]}
    assert admits(wide, new)
    assert not admits(old, new)
    assert widened(new, None) == new
