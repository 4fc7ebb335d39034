"""Reading a rollout from what the cluster shows: the states that the run against a cluster in memory does not reach."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import Object
from ansible_collections.tiketi.platform.plugins.module_utils._service.rollout import (
    HASH,
    NEVER,
    REVISION,
    last_good,
    pull_failure,
    read,
    through,
)


def deployment(generation: int = 2, seen: int = 2, revision: int = 2, conditions: Any = (), **counts: int) -> Object:
    status = {"observedGeneration": seen, "conditions": list(conditions), **counts}
    metadata = {"name": "cart", "uid": "d", "generation": generation, "annotations": {REVISION: str(revision)}}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": 2}, "status": status}


def replica_set(revision: int, ready: int = 0, owner: str = "d") -> Object:
    metadata = {
        "name": f"cart-{revision}",
        "labels": {HASH: str(revision)},
        "annotations": {REVISION: str(revision)},
        "ownerReferences": [{"uid": owner}],
    }
    return {"kind": "ReplicaSet", "metadata": metadata, "status": {"readyReplicas": ready}}


def pod(revision: int, **status: Any) -> Object:
    return {
        "kind": "Pod",
        "metadata": {"name": f"cart-{revision}-x", "labels": {HASH: str(revision)}},
        "status": status,
    }


def waiting(reason: str, restarts: int = 0) -> dict[str, Any]:
    return {"containerStatuses": [{"restartCount": restarts, "state": {"waiting": {"reason": reason}}}]}


FULL = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}


@pytest.mark.parametrize(
    ("changes", "done"),
    [
        ({}, True),
        ({"seen": 1}, False),
        ({"replicas": 3}, False),
        ({"updatedReplicas": 1}, False),
        ({"availableReplicas": 1}, False),
    ],
)
def test_through_means_seen_new_available_and_no_old_one(changes: dict[str, int], done: bool) -> None:
    assert through(deployment(**{**FULL, **changes})) is done


def test_an_old_status_is_not_believed() -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    status = read(deployment(seen=1, conditions=[late]), [replica_set(2)], [pod(2, **waiting("ErrImagePull"))])
    assert status.problem is None
    assert status.progress == "waits for the controller"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest"', "pod security refuses the pods"),
        ('pods "x" is forbidden: exceeded quota: q', "the quota of the namespace is used up"),
        ("no api", "the cluster refuses the pods"),
    ],
)
def test_pods_that_are_refused(message: str, words: str) -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    problem = read(deployment(conditions=[failure]), [replica_set(2)], []).problem
    assert problem is not None
    assert problem.text == f"{words}: {message}"
    assert problem.patience < NEVER


def test_the_deadline_ends_the_wait_at_once_and_keeps_the_reason() -> None:
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    running = {"containerStatuses": [{"ready": False, "state": {"running": {}}}]}
    problem = read(deployment(conditions=[late]), [replica_set(2)], [pod(2, **running)]).problem
    assert problem is not None
    assert problem.patience == 0
    assert "its probes do not succeed; no progress within the deadline" in problem.text
    assert problem.pod == "cart-2-x"


@pytest.mark.parametrize(
    ("reason", "restarts", "hopeless"),
    [
        ("CrashLoopBackOff", 1, False),
        ("CrashLoopBackOff", 2, True),
        ("ErrImagePull", 0, True),
        ("InvalidImageName", 0, True),
    ],
)
def test_which_states_are_hopeless_if_they_last(reason: str, restarts: int, hopeless: bool) -> None:
    problem = read(deployment(), [replica_set(2)], [pod(2, **waiting(reason, restarts))]).problem
    assert problem is not None
    assert (problem.patience < NEVER) is hopeless


def test_pods_of_the_old_revision_are_no_problem_of_the_new_one() -> None:
    status = read(deployment(), [replica_set(1), replica_set(2)], [pod(1, **waiting("CrashLoopBackOff", 9))])
    assert status.problem is None


@pytest.mark.parametrize(
    ("sets", "known", "expected"),
    [
        ([replica_set(2)], 0, None),
        ([replica_set(1, ready=2), replica_set(2)], 0, "cart-1"),
        ([replica_set(1), replica_set(2)], 0, None),
        ([replica_set(1), replica_set(2)], 1, "cart-1"),
        ([replica_set(1, ready=1, owner="other"), replica_set(2)], 0, None),
    ],
    ids=["first", "serving", "dead", "dead-but-was-whole", "of-another"],
)
def test_the_last_good_revision(sets: list[Object], known: int, expected: str | None) -> None:
    good = last_good(deployment(), sets, known)
    assert (good["metadata"]["name"] if good else None) == expected


def test_what_the_registry_said_is_told_once() -> None:
    ref = "000000000000.dkr.ecr.ap-northeast-2.amazonaws.com/none@sha256:aaaa"
    layers = (
        f'Back-off pulling image "{ref}": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image '
        f'"{ref}": failed to resolve reference "{ref}": '
    )
    assert pull_failure(ref, f"{layers}{ref}: not found") == f"{ref}: not found"
    dial = 'failed to do request: Head "https://r.example/v2/x": dial tcp 10.0.0.9:443: connect: connection refused'
    assert pull_failure(ref, layers + dial) == f"{ref}: {dial}"
    assert pull_failure("", "no space left on device") == "no space left on device"
