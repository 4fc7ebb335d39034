"""Bring the rendered objects to the cluster: look, try without effect, apply, wait, undo what is lost, prune the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from ansible_collections.tiketi.platform.plugins.module_utils._service import jobs
from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import (
    ApiError,
    InvalidServicesError,
    ServiceError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import Object
from ansible_collections.tiketi.platform.plugins.module_utils._service.plan import (
    PRUNED_KINDS,
    Change,
    JobStep,
    Live,
    Verb,
    change,
    foreign_faults,
    job_step,
    key_of,
    stale,
)
from ansible_collections.tiketi.platform.plugins.module_utils._service.render import service_of
from ansible_collections.tiketi.platform.plugins.module_utils._service.rollout import revision, through
from ansible_collections.tiketi.platform.plugins.module_utils._service.scale import (
    adopt_scale,
    exceeds,
    lowered,
    scaled,
    scalers,
    with_room,
)
from ansible_collections.tiketi.platform.plugins.module_utils._service.transition import (
    AROUND,
    admits,
    earlier,
    held_back,
    way_back,
    widened,
)
from ansible_collections.tiketi.platform.plugins.module_utils._service.wait import Clock, Lost, Waiter

_THREADS = 8
# What pods need before they can start, in this order.
_FIRST = (("Namespace",), ("ServiceAccount", "Secret", "ConfigMap"))

T = TypeVar("T")
S = TypeVar("S")
Sender = Callable[[Iterable[Object]], list[Object]]


@dataclass(frozen=True)
class Options:
    check: bool = False
    prune: bool = True
    undo: bool = True
    timeout: float = 300.0


@dataclass
class Outcome:
    """What was done, and for a lost service what became of it."""

    changes: list[Change] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    undone: dict[str, str] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return any(item.verb is not Verb.KEEP for item in self.changes)


def _each(work: Callable[[S], T], items: Iterable[S]) -> list[T]:
    """Do the work for all items at once; afterwards raise what went wrong, all of it in one message."""
    with ThreadPoolExecutor(_THREADS) as pool:
        futures = [pool.submit(work, item) for item in items]
    errors = [error for future in futures if (error := future.exception()) is not None]
    known = [error for error in errors if isinstance(error, ApiError)]
    if len(known) < len(errors):
        raise next(error for error in errors if not isinstance(error, ApiError))
    if known:
        # An unreachable server says the same for every object.
        raise known[0] if len({e.message for e in known}) == 1 else ServiceError("\n".join(f"  - {e}" for e in known))
    return [future.result() for future in futures]


def look(cluster: jobs.Writer, namespace: str) -> tuple[bool, dict[tuple[str, str], Object]]:
    """Read what is there: whether the namespace exists, and its objects of the kinds that we make."""
    found = cluster.get("Namespace", "", namespace)
    if found is None:
        return False, {}
    listed = _each(lambda kind: cluster.list(kind, namespace), PRUNED_KINDS)
    live = {key_of(obj): obj for objects in listed for obj in objects}
    return True, {**live, ("Namespace", namespace): found}


def compare(cluster: jobs.Writer, wanted: Sequence[Object], live: Live, exists: bool) -> list[Change]:
    """Ask the server what applying would do. It refuses here what it would refuse later, before anything is touched."""

    def one(obj: Object) -> Change:
        before = live.get(key_of(obj))
        if obj["kind"] == "Job" and before is not None:
            verb = Verb.UPDATE if job_step(before) is JobStep.AGAIN else Verb.KEEP
            return Change(verb, obj["kind"], obj["metadata"]["name"], before, obj if verb is Verb.UPDATE else before)
        # Nothing can be tried in a namespace that is not there yet.
        tried = cluster.apply(obj, dry_run=True) if exists else obj
        return change(before, obj if before is None else tried)

    return _each(one, wanted)


class Deployer:
    """One run against one cluster."""

    def __init__(
        self,
        cluster: jobs.Writer,
        target: Target,
        options: Options,
        say: Callable[[str], None],
        clock: Clock | None = None,
    ) -> None:
        self._cluster = cluster
        self._target = target
        self._options = options
        self._waiter = Waiter(cluster, target.namespace, say, clock or Clock())

    def run(self, rendered: Sequence[Object]) -> Outcome:
        exists, live = look(self._cluster, self._target.namespace)
        if faults := foreign_faults(rendered, live, self._target.project):
            raise InvalidServicesError(faults)
        wanted = adopt_scale(rendered, live)
        outcome = Outcome(compare(self._cluster, wanted, live, exists))
        old = stale(wanted, live, self._target.project) if self._options.prune else []
        if not self._options.check:
            through_now = {name: obj for (kind, name), obj in live.items() if kind == "Deployment" and through(obj)}
            self._waiter.known = {name: revision(obj) for name, obj in through_now.items()}
            self._apply(wanted, live, outcome)
            if not outcome.lost:
                _each(lambda item: self._cluster.delete(item.kind, self._target.namespace, item.name), old)
        # What is lost keeps its old content for a look and for its old revision.
        outcome.changes += old if not outcome.lost else []
        return outcome

    def _apply(self, wanted: Sequence[Object], live: Live, outcome: Outcome) -> None:
        touched = {(item.kind, item.name) for item in outcome.changes if item.verb is not Verb.KEEP}
        # A smaller maximum would take away pods of before while those of the release are not proved.
        amid = with_room(wanted, live)
        todo = [obj for obj in amid if key_of(obj) in touched]
        sent: list[Object] = []

        def send(objects: Iterable[Object]) -> list[Object]:
            applied = _each(self._cluster.apply, objects)
            sent.extend(applied)
            return applied

        def of(*kinds: str) -> list[Object]:
            return [obj for obj in todo if obj["kind"] in kinds]

        for kinds in _FIRST:
            send(of(*kinds))
        # The pods of before go on serving until the new ones do: until then both have to get through.
        policies = of("NetworkPolicy")
        send(widened(obj, live.get(key_of(obj))) for obj in policies if not admits(live.get(key_of(obj)), obj))
        migrations = [obj for obj in wanted if obj["kind"] == "Job"]
        outcome.lost = jobs.run(self._cluster, self._waiter, migrations, live, self._options.timeout)
        halted = {item.service for item in outcome.lost}
        send(obj for obj in of(*AROUND) if service_of(obj) not in halted)
        steered = scalers(amid)
        # Migrations take their time, and an autoscaler does not wait for them.
        applied = send(
            scaled(obj, steered.get(obj["metadata"]["name"]), self._now(obj) if service_of(obj) in steered else None)
            for obj in of("Deployment")
            if service_of(obj) not in halted
        )
        lost = self._wait(wanted, live, applied, halted)
        outcome.lost += lost
        if self._options.undo and lost:
            outcome.undone = self._undo(lost, wanted, sent, live)
        held = held_back([obj for obj in wanted if obj["kind"] == "Ingress"], live, {i.service for i in outcome.lost})
        send(obj for obj in of("Ingress") if service_of(obj) not in held)
        self._lower(lowered(wanted, amid, {item.service for item in outcome.lost}), wanted, send)
        if not outcome.lost:
            self._narrow(policies, live, send)
        done = {key_of(obj) for obj in (*sent, *migrations)}
        outcome.changes = [i for i in outcome.changes if i.verb is Verb.KEEP or (i.kind, i.name) in done]

    def _wait(self, wanted: Sequence[Object], live: Live, applied: Sequence[Object], halted: set[str]) -> list[Lost]:
        """Wait for the rollouts of all services, those that did not change among them."""
        deployments = {name: obj for (kind, name), obj in live.items() if kind == "Deployment"}
        deployments |= {obj["metadata"]["name"]: obj for obj in applied}
        ours = {obj["metadata"]["name"] for obj in wanted if obj["kind"] == "Deployment"} - halted
        return self._waiter.wait({name: deployments[name] for name in sorted(ours)}, self._options.timeout)

    def _lower(self, smaller: Mapping[str, Object], wanted: Sequence[Object], send: Sender) -> None:
        """Give proved services their smaller maximum, and take the pods above it away at once, so that a second run finds nothing."""
        send(smaller.values())
        steered = [obj for obj in wanted if obj["kind"] == "Deployment" and obj["metadata"]["name"] in smaller]
        send(
            scaled(obj, smaller[obj["metadata"]["name"]], now)
            for obj in steered
            if (now := self._now(obj)) and exceeds(now, smaller[obj["metadata"]["name"]])
        )

    def _narrow(self, policies: Sequence[Object], live: Live, send: Sender) -> None:
        """Take away what only the pods of before needed, once they are gone."""
        narrower = [obj for obj in policies if widened(obj, live.get(key_of(obj))) != obj]
        if narrower:
            self._waiter.drain({service_of(obj) for obj in narrower})
            send(narrower)

    def _undo(
        self, lost: Sequence[Lost], wanted: Sequence[Object], sent: Sequence[Object], live: Live
    ) -> dict[str, str]:
        """Give each lost service the pods of its last good revision again, and what stood around them."""
        back = {item.service: item.good for item in lost if item.good is not None}
        for item in lost:
            if item.good is not None:
                self._waiter.say(f"{item.service}: goes back to revision {revision(item.good)}, {item.text}")
        for name in back:
            again, new = way_back(name, sent, live)
            _each(self._cluster.apply, again)
            _each(lambda key: self._cluster.delete(key[0], self._target.namespace, key[1]), new)
        applied = _each(self._cluster.apply, [self._earlier(name, good, wanted, live) for name, good in back.items()])
        still = self._waiter.wait({obj["metadata"]["name"]: obj for obj in applied}, self._options.timeout)
        reasons = {item.service: item.text for item in still}
        up = {obj["metadata"]["name"] for obj in applied if obj["spec"]["replicas"]} - set(reasons)
        silent = self._waiter.without_endpoints(up)
        return {
            name: f"undone to revision {revision(good)}, {_said(name, reasons, silent)}" for name, good in back.items()
        }

    def _now(self, deployment: Object) -> Object | None:
        return self._cluster.get("Deployment", self._target.namespace, deployment["metadata"]["name"])

    def _earlier(self, name: str, good: Object, wanted: Sequence[Object], live: Live) -> Object:
        """Return the deployment of before, as large as it is now where an autoscaler has its say, else as large as it was."""
        new = next(obj for obj in wanted if key_of(obj) == ("Deployment", name))
        before = live.get(("Deployment", name))
        old_scaler, new_scaler = scalers(live.values()).get(name), scalers(wanted).get(name)
        size = self._now(new) if old_scaler and new_scaler else before
        if old_scaler is None and size is not None:
            new = {**new, "spec": {**new["spec"], "replicas": size["spec"].get("replicas", 1)}}
        return earlier(scaled(new, old_scaler, size), good)


def _said(name: str, reasons: Mapping[str, str], silent: Iterable[str]) -> str:
    if name in reasons:
        return f"which does not serve either: {reasons[name]}"
    if name in silent:
        return "whose pods are ready, but the Service has no ready endpoint"
    return "which serves"
