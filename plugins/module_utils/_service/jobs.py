"""Migrations: run once for a content, before the rollout, and awaited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import NAME_LABEL, Object
from ansible_collections.tiketi.platform.plugins.module_utils._service.plan import JobStep, condition, holds, job_step
from ansible_collections.tiketi.platform.plugins.module_utils._service.render import service_of
from ansible_collections.tiketi.platform.plugins.module_utils._service.rollout import (
    NEVER,
    owned,
    pod_problems,
    refusal,
)
from ansible_collections.tiketi.platform.plugins.module_utils._service.wait import LOG_LINES, Lost, Reader, Waiter

_POLL = 1.0
_VERDICT = 30.0


class Writer(Reader, Protocol):
    """What running jobs needs of a cluster."""

    def get(self, kind: str, namespace: str, name: str) -> Object | None: ...

    def apply(self, obj: Mapping[str, object], dry_run: bool = False) -> Object: ...

    def delete(self, kind: str, namespace: str, name: str) -> None: ...


def _lost(cluster: Reader, waiter: Waiter, job: Object, pods: Sequence[Object]) -> Lost | None:
    """Judge a job that is not complete: lost, or None for still at it."""
    failed = condition(job, "Failed")
    own = owned(pods, job)
    problem = next((p for p in pod_problems(own) if p.patience < NEVER and not p.crashed), None)
    if not own:
        # A job has no condition for pods that it was not allowed to make.
        told = [
            e for e in cluster.events(waiter.namespace, [job["metadata"]["name"]]) if e.get("reason") == "FailedCreate"
        ]
        problem = refusal(str(told[-1].get("message", ""))) if told else None
    if not holds(job, "Failed") and not waiter.hopeless(job["metadata"]["name"], problem):
        return None
    text = problem.text if problem else f"{(failed or {}).get('message', '')}"
    log = ""
    # The last attempt may have been ended before it said anything.
    for pod in sorted(own, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True):
        log = log or cluster.logs(waiter.namespace, pod["metadata"]["name"], previous=False, lines=LOG_LINES)
    text = f"its migration failed, so that the rollout was not begun: {text}"
    return Lost(service_of(job), {}, None, text, log.strip())


def run(
    cluster: Writer, waiter: Waiter, jobs: Sequence[Object], live: Mapping[tuple[str, str], Object], timeout: float
) -> list[Lost]:
    """Bring every migration to its end; return those that failed."""
    limits: dict[str, float] = {}
    for job in jobs:
        name = job["metadata"]["name"]
        step = job_step(live.get(("Job", name)))
        if step is JobStep.DONE:
            continue
        if step is JobStep.AGAIN:
            cluster.delete("Job", waiter.namespace, name)
            _gone(cluster, waiter, name, timeout)
        if step is not JobStep.AWAIT:
            cluster.apply(job)
        # A migration may be given longer than the run; its own deadline is told by the cluster, a moment later.
        limits[name] = max(timeout, job["spec"]["activeDeadlineSeconds"] + _VERDICT)
    return _wait(cluster, waiter, limits)


def _gone(cluster: Writer, waiter: Waiter, name: str, timeout: float) -> None:
    end = waiter.clock.now() + timeout
    while cluster.get("Job", waiter.namespace, name) is not None and waiter.clock.now() < end:
        waiter.clock.sleep(_POLL)


def _wait(cluster: Writer, waiter: Waiter, limits: Mapping[str, float]) -> list[Lost]:
    start, names = waiter.clock.now(), set(limits)
    lost: list[Lost] = []
    while names:
        jobs = {obj["metadata"]["name"]: obj for obj in cluster.list("Job", waiter.namespace)}
        pods = cluster.list("Pod", waiter.namespace, labels=NAME_LABEL)
        for name in sorted(names):
            late = waiter.clock.now() - start >= limits[name]
            job = jobs.get(name, {})
            verdict = _lost(cluster, waiter, job, pods) if job else None
            if late and verdict is None and not holds(job, "Complete"):
                verdict = Lost(
                    name.rsplit("-migrate-", 1)[0], {}, None, "its migration did not end within the time limit"
                )
            if verdict or holds(job, "Complete"):
                names = names - {name}
                waiter.say(f"{name}: {'failed' if verdict else 'complete'}")
            lost += [verdict] if verdict else []
        if names:
            waiter.clock.sleep(_POLL)
    return lost
