"""Wait for all rollouts together: one look a second, a line when something moved, an end in any case."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import NAME_LABEL, Object
from ansible_collections.tiketi.platform.plugins.module_utils._service.rollout import (
    Problem,
    Status,
    last_good,
    read,
    through,
)

LOG_LINES = 8
_POLL = 1.0
_ENDPOINTS = 10.0
_VERDICT = 10.0
_MANY = 1_000_000
SLICE_OF = "kubernetes.io/service-name"


class Reader(Protocol):
    """What waiting needs of a cluster."""

    def list(self, kind: str, namespace: str, **query: str) -> Sequence[Object]: ...

    def logs(self, namespace: str, pod: str, previous: bool, lines: int) -> str: ...

    def events(self, namespace: str, names: Sequence[str]) -> Sequence[Object]: ...


@dataclass
class Clock:
    """Time, so that tests need not spend any."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Lost:
    """A rollout that will not come through, with the evidence."""

    service: str
    deployment: Object
    good: Object | None
    text: str
    log: str = ""


@dataclass
class Waiter:
    """Follows rollouts until each is through or lost."""

    cluster: Reader
    namespace: str
    say: Callable[[str], None]
    clock: Clock = field(default_factory=Clock)
    # The revisions that were fully rolled out when the run began.
    known: Mapping[str, int] = field(default_factory=dict)
    _since: dict[tuple[str, str], float] = field(default_factory=dict)
    _said: dict[str, str] = field(default_factory=dict)
    # Of each rollout, when it got further last, and how far.
    _steps: dict[str, tuple[float, tuple[int, int, int]]] = field(default_factory=dict)

    def wait(self, deployments: Mapping[str, Object], timeout: float) -> list[Lost]:
        """Wait for the deployments (as just applied) by name; return those that are lost.

        The timeout counts anew from each step that a rollout gets further, and gives way to a longer deadline of the service's own,
        since the cluster is the first to know that a rollout stands still. A rollout has few steps, so that this ends.
        """
        self._steps = {name: (self.clock.now(), (0, 0, -_MANY)) for name in deployments}
        pending = {name for name, deployment in deployments.items() if not through(deployment)}
        lost: list[Lost] = []
        while pending:
            pending, failed = self._look(pending, timeout)
            lost += failed
            if pending:
                self.clock.sleep(_POLL)
        return sorted(lost, key=lambda item: item.service)

    def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        end = self.clock.now() + seconds
        while not holds() and self.clock.now() < end:
            self.clock.sleep(_POLL)

    def drain(self, services: set[str]) -> None:
        """Wait until the pods that end have ended, at most as long as each was given for it."""

        def ending() -> list[Object]:
            pods = self.cluster.list("Pod", self.namespace, labels=NAME_LABEL)
            own = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(NAME_LABEL) in services]
            return [pod for pod in own if pod["metadata"].get("deletionTimestamp")]

        graces = [pod["metadata"].get("deletionGracePeriodSeconds") or 0 for pod in ending()]
        self._until(lambda: not ending(), max(graces, default=0) + _ENDPOINTS)

    def without_endpoints(self, services: set[str]) -> set[str]:
        """Return the services that nobody reaches: endpoints follow a ready pod within a moment, or there is something wrong."""

        def silent() -> set[str]:
            slices = self.cluster.list("EndpointSlice", self.namespace, labels=SLICE_OF) if services else []
            return services - {
                item["metadata"]["labels"][SLICE_OF]
                for item in slices
                for endpoint in item.get("endpoints") or []
                if (endpoint.get("conditions") or {}).get("ready") is not False and item.get("ports")
            }

        self._until(lambda: not silent(), _ENDPOINTS)
        return silent()

    def _late(self, name: str, deployment: Object, status: Status, timeout: float) -> bool:
        now = self.clock.now()
        since, best = self._steps[name]
        reached = max(best[0], status.reached[0]), max(best[1], status.reached[1]), max(best[2], status.reached[2])
        if reached != best:
            since = now
            self._steps[name] = (since, reached)
        own = float(deployment["spec"].get("progressDeadlineSeconds", 0))
        # The cluster says so itself a moment after its deadline.
        return now - since >= max(timeout, own + _VERDICT)

    def _look(self, pending: set[str], timeout: float) -> tuple[set[str], list[Lost]]:
        found = {obj["metadata"]["name"]: obj for obj in self.cluster.list("Deployment", self.namespace)}
        sets = self.cluster.list("ReplicaSet", self.namespace, labels=NAME_LABEL)
        pods = self.cluster.list("Pod", self.namespace, labels=NAME_LABEL)
        waiting: set[str] = set()
        lost: list[Lost] = []
        for name in sorted(pending):
            if name not in found:
                lost.append(Lost(name, {}, None, "its deployment was deleted by somebody while it rolled out"))
                continue
            status = read(found[name], sets, pods)
            self._tell(name, status)
            if status.done:
                continue
            late = self._late(name, found[name], status, timeout)
            if late or self.hopeless(name, status.problem):
                lost.append(self._evidence(name, found[name], sets, status, late))
            else:
                waiting.add(name)
        return waiting, lost

    def _tell(self, name: str, status: Status) -> None:
        line = status.progress + (f" - {status.problem.text}" if status.problem else "")
        if self._said.get(name) != line:
            self._said[name] = line
            self.say(f"{name}: {line}")

    def hopeless(self, name: str, problem: Problem | None) -> bool:
        """Say whether a problem has lasted longer than it could be a passing one."""
        # ErrImagePull and ImagePullBackOff take turns and are one state to a person.
        key = (name, problem.text.split(" (")[0]) if problem else None
        for old in [old for old in self._since if old[0] == name and old != key]:
            del self._since[old]
        if problem is None or key is None:
            return False
        first = self._since.setdefault(key, self.clock.now())
        return self.clock.now() - first >= problem.patience

    def _evidence(self, name: str, deployment: Object, sets: Sequence[Object], status: Status, late: bool) -> Lost:
        problem = status.problem
        text = problem.text if problem else f"it stands at {status.progress}"
        log = ""
        if problem and problem.pod:
            events = self.cluster.events(self.namespace, [problem.pod])
            wanted = "Unhealthy" if problem.reason in ("NotReady", "ProgressDeadlineExceeded") else ""
            told = [str(e.get("message", "")) for e in events if wanted and e.get("reason") == wanted]
            text += f": {told[-1]}" if told else ""
            text += f" (pod {problem.pod})"
            if problem.crashed or told:
                log = self.cluster.logs(self.namespace, problem.pod, previous=problem.crashed, lines=LOG_LINES)
        if late:
            text += "; the time limit was reached"
        return Lost(name, deployment, last_good(deployment, sets, self.known.get(name, 0)), text, log.strip())
