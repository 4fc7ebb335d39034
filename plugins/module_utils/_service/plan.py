"""Pure decisions between the wanted objects and the live ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import Fault
from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import (
    ENFORCE,
    Object,
    applied_by_us,
    is_ours,
)

# What we may delete, in an order that takes traffic away before the pods.
PRUNED_KINDS = (
    "Ingress",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "Service",
    "Deployment",
    "Job",
    "NetworkPolicy",
    "ConfigMap",
    "Secret",
    "ServiceAccount",
)
# What the server or its controllers write, not we.
_SERVER_METADATA = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid")
_SERVER_ANNOTATIONS = ("deployment.kubernetes.io/revision",)

Key = tuple[str, str]
Live = Mapping[Key, Object]


class Verb(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    KEEP = "keep"


@dataclass(frozen=True)
class Change:
    verb: Verb
    kind: str
    name: str
    before: Object | None = None
    after: Object | None = None


class JobStep(Enum):
    """What to do about a migration: it runs once for a content, and again only after it failed."""

    RUN = "run"
    AGAIN = "again"
    AWAIT = "await"
    DONE = "done"


def key_of(obj: Object) -> Key:
    return obj["kind"], obj["metadata"]["name"]


def comparable(obj: Object) -> Object:
    """Leave out what the server keeps for itself, so that two states can be compared."""
    kept = {key: value for key, value in obj.items() if key != "status"}
    kept["metadata"] = {key: value for key, value in obj["metadata"].items() if key not in _SERVER_METADATA}
    if annotations := kept["metadata"].get("annotations"):
        own = {key: value for key, value in annotations.items() if key not in _SERVER_ANNOTATIONS}
        kept["metadata"]["annotations"] = own
        if not own:
            del kept["metadata"]["annotations"]
    return kept


def change(before: Object | None, after: Object) -> Change:
    """Name what applying did, or would do."""
    kind, name = key_of(after)
    if before is None:
        return Change(Verb.CREATE, kind, name, None, after)
    same = comparable(before) == comparable(after)
    return Change(Verb.KEEP if same else Verb.UPDATE, kind, name, before, after)


def foreign_faults(wanted: Iterable[Object], live: Live, project: str) -> list[Fault]:
    """Find names that somebody else's objects have taken; those are never overwritten."""
    faults = []
    for obj in wanted:
        other = live.get(key_of(obj))
        if other is None or is_ours(other, project):
            continue
        if obj["kind"] == "Namespace":
            faults += _namespace_faults(other, obj)
        else:
            where = f"{obj['kind']} {obj['metadata']['namespace']}/{obj['metadata']['name']}"
            faults.append(Fault(where, "", "exists and was not made by this role", "Delete it, or rename the service"))
    return faults


def _namespace_faults(live: Object, wanted: Object) -> list[Fault]:
    """A namespace of somebody else may be used, but not be put under other rules than they gave it."""
    have = (live["metadata"].get("labels") or {}).get(ENFORCE)
    if have in (None, wanted["metadata"]["labels"][ENFORCE]):
        return []
    problem = f"was made by somebody else, who lets pods be {have}; this role would restrict all of them"
    mend = "Give the services a namespace of their own, or take the label off"
    return [Fault(f"Namespace {live['metadata']['name']}", ENFORCE, problem, mend)]


def stale(wanted: Iterable[Object], live: Live, project: str) -> list[Change]:
    """Find our objects that nothing renders any more."""
    keys = {key_of(obj) for obj in wanted}
    gone = [
        obj
        for key, obj in live.items()
        if key not in keys and key[0] in PRUNED_KINDS and is_ours(obj, project) and applied_by_us(obj)
    ]
    gone.sort(key=lambda obj: (PRUNED_KINDS.index(obj["kind"]), obj["metadata"]["name"]))
    return [Change(Verb.DELETE, obj["kind"], obj["metadata"]["name"], obj, None) for obj in gone]


def condition(obj: Object | None, kind: str) -> Object | None:
    """Return a condition of an object's status, whatever its value."""
    conditions = ((obj or {}).get("status") or {}).get("conditions") or []
    return next((dict(item) for item in conditions if item["type"] == kind), None)


def holds(obj: Object | None, kind: str) -> bool:
    found = condition(obj, kind)
    return found is not None and found["status"] == "True"


def job_step(live: Object | None) -> JobStep:
    if live is None:
        return JobStep.RUN
    if holds(live, "Complete"):
        return JobStep.DONE
    return JobStep.AGAIN if holds(live, "Failed") else JobStep.AWAIT
