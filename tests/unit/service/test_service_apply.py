"""A whole run against a cluster in memory: apply, wait, undo, prune, and nothing touched where nothing should be."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._service.apply import Outcome
from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import (
    ApiError,
    InvalidServicesError,
    ServiceError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import ENFORCE
from ansible_collections.tiketi.platform.plugins.module_utils._service.plan import Verb
from ansible_collections.tiketi.platform.plugins.module_utils._service.render import render
from ansible_collections.tiketi.platform.plugins.module_utils._service.report import failure
from ansible_collections.tiketi.platform.plugins.module_utils._service.scrub import Scrubber

from .conftest import PASSWORD, service_of
from .fake import CRASH, NO_IMAGE, NO_NODE, UNREADY, WELL, image
from .stage import MIGRATED, Stage, cart, pay


@pytest.fixture
def stage(target: Target) -> Stage:
    return Stage(target)


def verbs(outcome: Outcome) -> set[Verb]:
    return {item.verb for item in outcome.changes}


def test_first_run_creates_and_second_writes_nothing(stage: Stage) -> None:
    first = stage.run(cart(), pay())
    assert verbs(first) == {Verb.CREATE}
    assert not first.lost
    kinds = [kind for _verb, kind, _name in stage.cluster.writes]
    assert kinds[0] == "Namespace"
    assert kinds.index("Secret") < kinds.index("Deployment")
    second = stage.run(cart(), pay())
    assert not second.changed
    assert stage.cluster.writes == []


def test_check_mode_tells_the_same_and_touches_nothing(stage: Stage) -> None:
    told = stage.run(cart(), check=True)
    assert stage.cluster.objects == {}
    done = stage.run(cart())
    assert [(i.verb, i.kind, i.name) for i in told.changes] == [(i.verb, i.kind, i.name) for i in done.changes]
    stage.run(cart(), pay())
    told = stage.run(cart(env={"A": "1"}), check=True)
    assert {(i.verb, i.kind) for i in told.changes} >= {(Verb.UPDATE, "Deployment"), (Verb.DELETE, "Service")}
    assert stage.cluster.writes == []


def test_what_nobody_renders_is_pruned_and_only_ours(stage: Stage) -> None:
    stage.run(cart(), pay())
    for name, labels in (("theirs", {}), ("sister", {"app.kubernetes.io/managed-by": "tiketi.platform"})):
        stage.cluster.apply({"kind": "ConfigMap", "metadata": {"name": name, "labels": labels}})
    outcome = stage.run(cart())
    assert {item.name for item in outcome.changes if item.verb is Verb.DELETE} >= {"pay"}
    assert "pay" not in stage.names("Deployment") | stage.names("Service") | stage.names("Ingress")
    assert stage.names("ConfigMap") >= {"theirs", "sister"}
    assert "cart" in stage.names("Deployment")
    stage.run(cart(), pay())
    stage.run(cart(), prune=False)
    assert "pay" in stage.names("Deployment")


def test_a_rotated_secret_rolls_and_the_old_content_goes(stage: Stage, changed: Callable[..., Target]) -> None:
    stage.run(cart())
    [old] = stage.names("Secret")
    login = {"username": "shop_app", "password": "rotated"}
    stage.target = changed(secrets={**stage.target.secrets, "shop/dev/app-database": login})
    stage.run(cart())
    [new] = stage.names("Secret")
    assert old != new


@pytest.mark.parametrize(
    ("fate", "words", "within"),
    [
        (NO_IMAGE, "the image cannot be pulled (ImagePullBackOff): not found", 20),
        (CRASH, "ends again and again (CrashLoopBackOff): exit code 1, Error, 3 restarts", 10),
        (UNREADY, "Readiness probe failed: HTTP probe failed with statuscode: 503", 65),
        (NO_NODE, "no node takes the pod (Unschedulable): 0/3 nodes available", 65),
    ],
)
def test_a_lost_service_is_undone_with_its_reason(stage: Stage, fate: str, words: str, within: float) -> None:
    stage.cluster.log = f"connecting with password={PASSWORD}"
    stage.run(cart(), pay())
    secrets, start = stage.names("Secret"), stage.cluster.seconds
    services = [
        cart(fate, progress_deadline=60),
        service_of(name="pay", paths=["/pay"], image=image(WELL), env={"NEW": "1"}),
    ]
    outcome = stage.run(*services)
    assert stage.cluster.seconds - start <= within
    assert [item.service for item in outcome.lost] == ["cart"]
    assert outcome.undone == {"cart": "undone to revision 1, which serves"}
    assert stage.image_of("cart") == image(WELL)
    assert {"name": "NEW", "value": "1"} in stage.cluster.objects["Deployment", "pay"]["spec"]["template"]["spec"][
        "containers"
    ][0]["env"], "the other service keeps its new state"
    assert stage.names("Secret") >= secrets
    text = failure(outcome, services, True, Scrubber(stage.target.secrets))
    assert words in text
    assert "undone to revision 1" in text
    assert "As wanted: pay." in text
    assert PASSWORD not in text


def test_after_the_undo_the_same_input_tries_again_and_a_mended_one_succeeds(stage: Stage) -> None:
    stage.run(cart())
    for _time in range(2):
        assert "which serves" in stage.run(cart(NO_IMAGE)).undone["cart"]
        assert stage.image_of("cart") == image(WELL)
    assert not stage.run(cart(env={"MENDED": "1"})).lost
    assert not stage.run(cart(env={"MENDED": "1"})).changed


def test_a_run_killed_amid_a_bad_rollout_does_not_make_the_next_forget(stage: Stage) -> None:
    stage.run(cart())
    bad = render([cart(NO_IMAGE)], stage.target)
    for obj in bad:
        stage.cluster.apply(obj)
    stage.cluster.sleep(1)
    outcome = stage.run(cart(NO_IMAGE))
    assert outcome.undone["cart"] == "undone to revision 1, which serves"
    assert stage.image_of("cart") == image(WELL)


def test_nothing_to_go_back_to(stage: Stage) -> None:
    outcome = stage.run(cart(NO_IMAGE))
    assert outcome.undone == {}
    assert "no earlier revision serves" in failure(outcome, [cart()], True, Scrubber({}))
    stage.run(cart())
    outcome = stage.run(cart(NO_IMAGE), undo=False)
    assert stage.image_of("cart") == image(NO_IMAGE)
    assert "undoing is switched off" in failure(outcome, [cart()], False, Scrubber({}))


def test_nothing_is_pruned_while_something_is_lost(stage: Stage) -> None:
    stage.run(cart(), pay())
    outcome = stage.run(cart(NO_IMAGE))
    assert "pay" in stage.names("Deployment")
    assert Verb.DELETE not in verbs(outcome)


def test_a_refusal_of_the_server_comes_before_anything_is_touched(stage: Stage) -> None:
    stage.run(cart())
    stage.cluster.refuse = {("Ingress", "cart"): "admission webhook says no", ("Deployment", "pay"): "forbidden: quota"}
    with pytest.raises(ServiceError) as caught:
        stage.run(cart(env={"A": "1"}), pay())
    assert "admission webhook says no" in str(caught.value)
    assert "forbidden: quota" in str(caught.value)
    assert stage.cluster.writes == []


def test_one_reason_for_all_objects_is_told_once(stage: Stage) -> None:
    stage.run(cart())
    stage.cluster.refuse = {("Deployment", "cart"): "the server is away", ("Service", "cart"): "the server is away"}
    with pytest.raises(ApiError):
        stage.run(cart())


def test_objects_of_others_are_never_overwritten(stage: Stage) -> None:
    stage.run(cart())
    stage.cluster.apply({"kind": "Service", "metadata": {"name": "pay", "labels": {"app": "other"}}})
    with pytest.raises(InvalidServicesError, match="Service shop/pay: exists and was not made by this role"):
        stage.run(cart(), pay())
    assert stage.cluster.writes == []


def test_a_copy_of_ours_that_somebody_made_is_not_pruned(stage: Stage) -> None:
    stage.run(cart())
    for name, manager in (("debug", "kubectl-client-side-apply"), ("left", "tiketi.platform")):
        copied = copy.deepcopy(stage.cluster.objects["Deployment", "cart"])
        copied["metadata"] |= {"name": name, "managedFields": [{"manager": manager}, {"manager": "kube-controller"}]}
        stage.cluster.objects["Deployment", name] = copied
    stage.run(cart())
    assert stage.names("Deployment") == {"cart", "debug"}


@pytest.mark.parametrize(
    ("labels", "refused"), [({}, False), ({ENFORCE: "restricted"}, False), ({ENFORCE: "baseline"}, True)]
)
def test_a_namespace_of_others_is_not_put_under_other_rules(
    stage: Stage, labels: dict[str, str], refused: bool
) -> None:
    stage.cluster.apply({"kind": "Namespace", "metadata": {"name": "shop", "labels": labels}})
    if not refused:
        assert not stage.run(cart()).lost
        return
    with pytest.raises(InvalidServicesError, match="who lets pods be baseline; this role would restrict all of them"):
        stage.run(cart())
    assert stage.cluster.writes == []


def test_the_autoscaler_keeps_its_say(stage: Stage) -> None:
    scaled = cart(hpa={"min": 2, "max": 6})
    stage.run(scaled)
    for live, kept in ((5, 5), (9, 6), (0, 2)):
        stage.cluster.objects["Deployment", "cart"]["spec"]["replicas"] = live
        stage.run(scaled)
        assert stage.cluster.objects["Deployment", "cart"]["spec"]["replicas"] == kept


def test_a_migration_runs_once_before_the_rollout(stage: Stage) -> None:
    stage.run(cart(**MIGRATED))
    kinds = [kind for _verb, kind, _name in stage.cluster.writes]
    assert kinds.index("Secret") < kinds.index("Job") < kinds.index("Deployment")
    assert not stage.run(cart(**MIGRATED)).changed
    assert stage.cluster.writes == []


def test_a_failed_migration_holds_its_service_back_and_runs_again(stage: Stage) -> None:
    stage.run(cart(), pay())
    outcome = stage.run(cart(CRASH, **MIGRATED), pay())
    assert "its migration failed" in outcome.lost[0].text
    assert stage.image_of("cart") == image(WELL)
    assert ("Deployment", "cart") not in {(i.kind, i.name) for i in outcome.changes}
    job = next(name for name in stage.names("Job"))
    stage.run(cart(CRASH, **MIGRATED), pay())
    assert stage.cluster.writes == [("delete", "Job", job), ("apply", "Job", job)]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('pods "x" is forbidden: exceeded quota: q', "the quota of the namespace is used up"),
        ('violates PodSecurity "restricted:latest"', "pod security refuses the pods"),
    ],
)
def test_a_migration_that_gets_no_pod_says_why(stage: Stage, message: str, words: str) -> None:
    service = cart(**MIGRATED)
    [job] = [obj["metadata"]["name"] for obj in render([service], stage.target) if obj["kind"] == "Job"]
    stage.cluster.refused_jobs = {job: message}
    [lost] = stage.run(service).lost
    assert f"its migration failed, so that the rollout was not begun: {words}: {message}" in lost.text
    assert stage.cluster.seconds <= 15


def test_the_log_of_the_last_attempt_that_said_something_is_shown(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"first": "no such table", "second": ""}
    monkeypatch.setattr(stage.cluster, "logs", lambda _namespace, pod, **_more: told[pod])

    def attempts() -> None:
        for (kind, _name), job in list(stage.cluster.objects.items()):
            for i, pod in enumerate(told if kind == "Job" else ()):
                references = [{"uid": job["metadata"]["uid"]}]
                metadata = {"name": pod, "creationTimestamp": str(i), "ownerReferences": references}
                stage.cluster.objects["Pod", pod] = {"kind": "Pod", "metadata": metadata, "status": {}}

    stage.cluster.on_sleep = attempts
    [lost] = stage.run(cart(CRASH, **MIGRATED)).lost
    assert lost.log == "no such table"


def test_progress_is_told_when_it_moves(stage: Stage) -> None:
    stage.run(cart())
    assert stage.said[-1] == "cart: 2/2 new, 2 available"
    assert len(stage.said) == len(set(stage.said))
