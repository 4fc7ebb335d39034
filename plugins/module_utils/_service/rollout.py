"""Pure reading of a rollout: is it through, is it lost, and why. Nothing here talks to the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import Object
from ansible_collections.tiketi.platform.plugins.module_utils._service.plan import condition

REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
NEVER = float("inf")

# How long a state must last before it counts as lost: a registry or a quota may well recover within a moment.
_PATIENCE = {
    "InvalidImageName": 0.0,
    "ErrImageNeverPull": 0.0,
    "ErrImagePull": 12.0,
    "ImagePullBackOff": 12.0,
    "CreateContainerConfigError": 10.0,
    "CreateContainerError": 10.0,
    "RunContainerError": 10.0,
    "CrashLoopBackOff": 5.0,
    # Long enough for a node autoscaler to bring the node that is wanted.
    "Unschedulable": 180.0,
}
_CRASHES = 2
_PULLS = ("ErrImagePull", "ImagePullBackOff")
_PULL_LAYERS = ("Back-off pulling", "ErrImagePull", "rpc error", "code = ", "failed to pull", "failed to resolve")
_WORDS = {
    "InvalidImageName": "the image name cannot be read",
    "ErrImageNeverPull": "the image is not on the node",
    "ErrImagePull": "the image cannot be pulled",
    "ImagePullBackOff": "the image cannot be pulled",
    "CreateContainerConfigError": "a secret or setting is missing",
    "CreateContainerError": "the container cannot be made",
    "RunContainerError": "the container cannot be run",
    "CrashLoopBackOff": "the container ends again and again",
}


@dataclass(frozen=True)
class Problem:
    """Something wrong with a rollout. After `patience` seconds of it there is no point in waiting on."""

    reason: str
    text: str
    patience: float
    pod: str = ""
    crashed: bool = False


@dataclass(frozen=True)
class Status:
    """Where a rollout stands."""

    done: bool
    progress: str
    problem: Problem | None = None
    # New pods, available pods, old pods gone: the higher, the further.
    reached: tuple[int, int, int] = (0, 0, 0)


def owned(objects: Sequence[Object], owner: Object) -> list[Object]:
    """Return the objects that a controller made for `owner`."""
    uid = owner["metadata"]["uid"]
    return [o for o in objects if any(ref["uid"] == uid for ref in o["metadata"].get("ownerReferences") or [])]


def revision(obj: Object) -> int:
    return int((obj["metadata"].get("annotations") or {}).get(REVISION, 0))


def newest(deployment: Object, replica_sets: Sequence[Object]) -> Object | None:
    """Return the replica set of the deployment's current revision."""
    own = [rs for rs in owned(replica_sets, deployment) if revision(rs) == revision(deployment)]
    return own[0] if own else None


def last_good(deployment: Object, replica_sets: Sequence[Object], known: int = 0) -> Object | None:
    """Return the newest older revision that was fully rolled out when the run began (`known`) or that still has a pod serving.

    The second is read from the cluster, so that a run that was killed in the middle cannot make the next one forget: with
    maxUnavailable 0 the pods of the revision before go on serving.
    """
    current = newest(deployment, replica_sets)
    older = [rs for rs in owned(replica_sets, deployment) if current is None or revision(rs) < revision(current)]
    good = [rs for rs in older if revision(rs) == known or (rs.get("status") or {}).get("readyReplicas", 0) > 0]
    return max(good, key=revision, default=None)


def observed(deployment: Object) -> bool:
    """Say whether the status speaks of the newest specification."""
    status = deployment.get("status") or {}
    return int(status.get("observedGeneration", 0)) >= int(deployment["metadata"].get("generation", 1))


def through(deployment: Object) -> bool:
    """Say whether every pod is of the newest revision and available, and no old one is left."""
    wanted = deployment["spec"].get("replicas", 1)
    status = deployment.get("status") or {}
    counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
    return observed(deployment) and all(count == wanted for count in counts)


def pull_failure(image: str, message: str) -> str:
    """Say once which image, and then only what the registry said, out of the many layers that repeat each other."""
    parts = message.replace(image, "").split(": ") if image else message.split(": ")
    said = [part for part in parts if part.strip(' "') and not part.startswith(_PULL_LAYERS)]
    return ": ".join([image, *said] if image else said) or message


def _container_problem(pod: Object, state: dict[str, Any]) -> Problem | None:
    waiting = (state.get("state") or {}).get("waiting") or {}
    reason = waiting.get("reason", "")
    if reason not in _PATIENCE:
        return None
    detail = waiting.get("message", "")
    if reason in _PULLS:
        detail = pull_failure(str(state.get("image", "")), detail)
    crashed = reason == "CrashLoopBackOff"
    if crashed:
        ended = (state.get("lastState") or {}).get("terminated") or {}
        detail = f"exit code {ended.get('exitCode', '?')}, {ended.get('reason', 'unknown')}, {state.get('restartCount', 0)} restarts"
    text = f"{_WORDS[reason]} ({reason}): {detail}" if detail else f"{_WORDS[reason]} ({reason})"
    # One crash may be a neighbour that was not there yet; the second of the same content is no accident.
    patience = NEVER if crashed and state.get("restartCount", 0) < _CRASHES else _PATIENCE[reason]
    return Problem(reason, text, patience, pod["metadata"]["name"], crashed)


def pod_problems(pods: Sequence[Object]) -> Iterator[Problem]:
    """Name what keeps pods from becoming ready, the surest signs first."""
    for pod in pods:
        for state in (pod.get("status") or {}).get("containerStatuses") or []:
            if problem := _container_problem(pod, state):
                yield problem
    for pod in pods:
        scheduled = condition(pod, "PodScheduled")
        if scheduled and scheduled["status"] == "False":
            text = f"no node takes the pod ({scheduled.get('reason', '')}): {scheduled.get('message', '')}"
            yield Problem("Unschedulable", text, _PATIENCE["Unschedulable"], pod["metadata"]["name"])
    for pod in pods:
        states = (pod.get("status") or {}).get("containerStatuses") or []
        if any(not state.get("ready") and "running" in (state.get("state") or {}) for state in states):
            yield Problem(
                "NotReady", "the container runs, but its probes do not succeed", NEVER, pod["metadata"]["name"]
            )


def refusal(message: str) -> Problem:
    """Say why the cluster makes no pods. A quota may be free again in a moment."""
    words = "the cluster refuses the pods"
    if "violates PodSecurity" in message:
        words = "pod security refuses the pods"
    elif "exceeded quota" in message:
        words = "the quota of the namespace is used up"
    return Problem("FailedCreate", f"{words}: {message}", 10.0)


def _refused(deployment: Object) -> Problem | None:
    failure = condition(deployment, "ReplicaFailure")
    if failure and failure["status"] == "True":
        return refusal(str(failure.get("message", "")))
    return None


def _late(deployment: Object) -> bool:
    progressing = condition(deployment, "Progressing")
    return bool(
        progressing and progressing["status"] == "False" and progressing.get("reason") == "ProgressDeadlineExceeded"
    )


def read(deployment: Object, replica_sets: Sequence[Object], pods: Sequence[Object]) -> Status:
    """Judge the rollout of one deployment."""
    if not observed(deployment):
        return Status(False, "waits for the controller")
    status, wanted = deployment.get("status") or {}, deployment["spec"].get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    old = status.get("replicas", 0) - updated
    progress = f"{updated}/{wanted} new, {available} available" + (f", {old} old" if old > 0 else "")
    if through(deployment):
        return Status(True, progress)
    current = newest(deployment, replica_sets)
    label = (current or {"metadata": {}})["metadata"].get("labels", {}).get(HASH)
    young = [pod for pod in pods if label and (pod["metadata"].get("labels") or {}).get(HASH) == label]
    problem = _refused(deployment) or next(pod_problems(young), None)
    if _late(deployment):
        text = problem.text if problem else "no pod became ready"
        pod, crashed = (problem.pod, problem.crashed) if problem else ("", False)
        problem = Problem("ProgressDeadlineExceeded", f"{text}; no progress within the deadline", 0.0, pod, crashed)
    return Status(False, progress, problem, (updated, available, -old))
