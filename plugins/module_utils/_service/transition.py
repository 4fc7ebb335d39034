"""What a change means for the pods that still serve: policies that fit old and new, and the way back for what stands around them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import MANAGED_BY, Object
from ansible_collections.tiketi.platform.plugins.module_utils._service.plan import Key, Live, key_of
from ansible_collections.tiketi.platform.plugins.module_utils._service.render import service_of
from ansible_collections.tiketi.platform.plugins.module_utils._service.rollout import HASH

# What stands around the pods of a service and changes with a release, and the fields that we set of each.
_AROUND = {
    "Service": ("type", "selector", "ports"),
    "HorizontalPodAutoscaler": ("scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior"),
    "PodDisruptionBudget": ("maxUnavailable", "selector", "unhealthyPodEvictionPolicy"),
}
AROUND = tuple(_AROUND)


def widened(wanted: Object, before: Object | None) -> Object:
    """Return the policy that lets the pods of before and of after do what they need.

    Ports stay numbers here: not every network plugin looks up the name of a port for what leaves a pod.
    """
    if before is None or before["spec"].get("podSelector") != wanted["spec"].get("podSelector"):
        return wanted
    spec: dict[str, Any] = copy.deepcopy(wanted["spec"])
    old: Mapping[str, Any] = before["spec"]
    # A direction is closed only where both close it.
    spec["policyTypes"] = [kind for kind in spec["policyTypes"] if kind in old.get("policyTypes", [])]
    for way in ("ingress", "egress"):
        new = spec.get(way, [])
        if rules := [*new, *(rule for rule in old.get(way) or [] if rule not in new)]:
            spec[way] = rules
    return {**wanted, "spec": spec}


def admits(before: Object | None, wanted: Object) -> bool:
    """Say whether the live policy already allows all of it, so that it need not change before the pods do."""
    if before is None:
        return False
    wide = widened(wanted, before)["spec"]

    def rules(spec: Mapping[str, Any], way: str) -> list[str]:
        return sorted(map(repr, spec.get(way) or []))

    same = all(rules(wide, way) == rules(before["spec"], way) for way in ("ingress", "egress"))
    return same and sorted(wide["policyTypes"]) == sorted(before["spec"].get("policyTypes", []))


def _paths(ingress: Object | None) -> set[str]:
    rules = (ingress or {"spec": {}})["spec"].get("rules") or []
    return {path["path"].rstrip("/") for rule in rules for path in (rule.get("http") or {}).get("paths", [])}


def held_back(ingresses: Iterable[Object], live: Live, lost: set[str]) -> set[str]:
    """Name the services whose ingress stays as it is: the lost ones, and those that would hand a path over to one."""
    wanted = {service_of(obj): obj for obj in ingresses}
    promised = set().union(*(_paths(wanted.get(name)) for name in lost)) if lost else set()
    return lost | {name for name, obj in wanted.items() if _paths(live.get(key_of(obj))) & promised}


def way_back(service: str, sent: Iterable[Object], live: Live) -> tuple[list[Object], list[Key]]:
    """Return what stood around a service before, of what was applied since, and the keys of what was not there yet."""
    again: list[Object] = []
    new: list[Key] = []
    for obj in sent:
        if obj["kind"] not in _AROUND or service_of(obj) != service:
            continue
        before = live.get(key_of(obj))
        if before is None:
            new.append(key_of(obj))
        else:
            again.append(_as_applied(before))
    return again, new


def _as_applied(live: Object) -> Object:
    """Leave out what the server and its controllers added."""
    metadata = live["metadata"]
    labels = {k: v for k, v in metadata["labels"].items() if k in MANAGED_BY or k.startswith("app.kubernetes.io/")}
    spec = {key: live["spec"][key] for key in _AROUND[live["kind"]] if key in live["spec"]}
    if "ports" in spec:
        spec["ports"] = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec["ports"]]
    identity = {"name": metadata["name"], "namespace": metadata["namespace"], "labels": labels}
    return {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": identity, "spec": spec}


def earlier(wanted: Object, good: Object) -> Object:
    """Return the deployment with the pods of an earlier revision.

    Applied as a whole, so that no field of the lost revision stays behind and the replica set of the earlier one is found again.
    """
    template: dict[str, Any] = dict(good["spec"]["template"])
    labels = {key: value for key, value in template["metadata"]["labels"].items() if key != HASH}
    # A null creationTimestamp, as the server shows it, is not a field that can be applied.
    metadata = {key: value for key, value in template["metadata"].items() if value is not None}
    template["metadata"] = {**metadata, "labels": labels}
    return {**wanted, "spec": {**wanted["spec"], "template": template}}
