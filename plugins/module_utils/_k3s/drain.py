"""Taking the pods off a node before it is restarted, as far as their budgets allow, and letting pods come again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any
from urllib.parse import quote

from .errors import K3sError
from .host import Host
from .members import CONFLICT, DRAINED, is_ready, released

POLL_SECONDS = 1.0
RELEASE_SECONDS = 30.0  # for an API server that comes up again
GONE, REFUSED = 404, (429, 500)  # 500: more than one budget covers the pod, which nobody can resolve but a person
Claims = AbstractSet[tuple[str, str]]  # namespace and name
NOWHERE = "no other node takes pods, so they stay where they are while K3s restarts"


def name_of(pod: Mapping[str, Any]) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def pinned(volumes: Sequence[Mapping[str, Any]], node: str) -> Claims:
    """Claims whose volume is on this node and nowhere else: a pod that has one could not start on another."""
    found = set()
    for volume in volumes:
        claim = volume["spec"].get("claimRef")
        terms = volume["spec"].get("nodeAffinity", {}).get("required", {}).get("nodeSelectorTerms", [])
        rules = [rule for term in terms for rule in term.get("matchExpressions", [])]
        if claim and any(rule["key"] == "kubernetes.io/hostname" and node in rule.get("values", []) for rule in rules):
            found.add((claim["namespace"], claim["name"]))
    return found


def stays(pod: Mapping[str, Any], claims: Claims) -> str:
    """Why a pod is left where it is; empty for one that is moved. A restart of K3s stops no container."""
    metadata = pod["metadata"]
    owner = next((one["kind"] for one in metadata.get("ownerReferences", []) if one.get("controller")), "")
    if pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
        return "it has ended"
    if not owner:
        return "nothing would make it again"
    if owner in {"DaemonSet", "Node"}:
        return "it belongs to the node"
    wanted = [one.get("persistentVolumeClaim", {}).get("claimName") for one in pod["spec"].get("volumes", [])]
    if any((metadata["namespace"], claim) in claims for claim in wanted):
        return "its volume is on this node"
    return ""


def takes_pods(node: Mapping[str, Any]) -> bool:
    spec = node.get("spec", {})
    barred = any(taint["effect"] in {"NoSchedule", "NoExecute"} for taint in spec.get("taints", []))
    return is_ready(node) and not spec.get("unschedulable") and not barred


def reason(answer: Any) -> str:
    """What stands against an eviction, with the name of the budget where the server tells it."""
    if not isinstance(answer, dict):
        return str(answer)
    causes = [one.get("message", "") for one in (answer.get("details") or {}).get("causes", [])]
    return "; ".join(filter(None, causes)) or str(answer.get("message", answer))


def report(name: str, timeout: float, left: Sequence[Mapping[str, Any]], refused: Mapping[str, str]) -> str:
    """The pods that would not go, each with what holds it."""
    told = [f"{name_of(pod)}: {refused.get(name_of(pod), 'it is still being ended')}" for pod in left]
    heading = (
        f"{name} is not restarted and takes pods again: after {timeout:.0f} s these would not leave it. Give them more replicas "
        "or a budget that allows one less (kubectl get poddisruptionbudget -A), more time by k3s_common_drain_timeout, or set "
        "k3s_common_drain: never"
    )
    return "\n  - ".join([heading, *told])


class Drain:
    """One node, seen and changed at the API server of a host."""

    def __init__(self, host: Host, name: str) -> None:
        self.host, self.name = host, name
        self.evicted: list[str] = []

    def _ask(self, path: str, method: str = "GET", body: Any = None) -> Any:
        status, answer = self.host.api(path, method, body)
        if status not in {200, 201}:
            raise K3sError(f"the API server does not say what is on node {self.name}: {status or ''} {reason(answer)}")
        return answer

    def go(self, timeout: float, check: bool) -> dict[str, Any]:
        """Cordon, and evict what can run elsewhere. A node that a person has cordoned stays cordoned afterwards."""
        if not self.host.ready():
            return self._told(False, "no API server answers, so no pod can be moved; K3s is restarted all the same")
        nodes = {node["metadata"]["name"]: node for node in self._ask("/api/v1/nodes")["items"]}
        me = nodes.pop(self.name, None)
        if me is None or not is_ready(me):
            return self._told(False, f"node {self.name} is not Ready, so nothing is moved from it")
        if not any(map(takes_pods, nodes.values())):
            return self._told(False, NOWHERE)
        claims = pinned(self._ask("/api/v1/persistentvolumes")["items"], self.name)
        left, stayed = self._pods(claims)
        if check:
            return self._told(True, f"{len(left)} pods would be moved from {self.name}", stayed)
        try:
            if not me["spec"].get("unschedulable"):
                mark = {"metadata": {"annotations": {DRAINED: "restart"}}, "spec": {"unschedulable": True}}
                self._ask(f"/api/v1/nodes/{self.name}", "PATCH", mark)
            self._empty(claims, timeout)
        except BaseException:
            self.release(0.0)
            raise
        return self._told(True, f"{len(self.evicted)} pods were moved from {self.name}", stayed)

    def _told(self, changed: bool, message: str, stayed: Mapping[str, str] | None = None) -> dict[str, Any]:
        return {"changed": changed, "message": message, "evicted": self.evicted, "stayed": dict(stayed or {})}

    def _pods(self, claims: Claims) -> tuple[list[Mapping[str, Any]], dict[str, str]]:
        found = self._ask(f"/api/v1/pods?fieldSelector=spec.nodeName%3D{quote(self.name)}")["items"]
        why = {name_of(pod): stays(pod, claims) for pod in found}
        left = [pod for pod in found if not why[name_of(pod)]]
        return left, {name: words for name, words in why.items() if words and words != "it has ended"}

    def _empty(self, claims: Claims, timeout: float) -> None:
        end = time.monotonic() + timeout
        while True:
            left, _ = self._pods(claims)
            refused = {name_of(pod): words for pod in left if (words := self._evict(pod))}
            if not left:
                return
            if time.monotonic() > end:
                raise K3sError(report(self.name, timeout, left, refused), blocked=refused)
            time.sleep(POLL_SECONDS)

    def _evict(self, pod: Mapping[str, Any]) -> str:
        """Ask once; what stands against it, in words. The budgets are the server's to keep."""
        metadata = pod["metadata"]
        if metadata.get("deletionTimestamp"):
            return ""
        names = {"name": metadata["name"], "namespace": metadata["namespace"]}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": names}
        path = f"/api/v1/namespaces/{names['namespace']}/pods/{names['name']}/eviction"
        status, answer = self.host.api(path, "POST", body)
        if status in REFUSED or status in {0, CONFLICT}:
            return reason(answer)
        if status not in {200, 201, GONE}:
            raise K3sError(f"pod {name_of(pod)} cannot be evicted: {status} {reason(answer)}")
        self.evicted.append(name_of(pod))
        return ""

    def release(self, patience: float = RELEASE_SECONDS, check: bool = False) -> dict[str, Any]:
        """Let pods come again, unless it was a person who keeps them away. Never a failure: the proof of the cluster does it too."""
        end = time.monotonic() + patience
        while True:
            status, node = self.host.api(f"/api/v1/nodes/{self.name}")
            if status in {200, GONE}:
                change = released(node) if status == 200 else {}
                if not change or check:
                    return self._told(bool(change), f"node {self.name} takes pods" if change else "nothing to do")
                if self.host.api(f"/api/v1/nodes/{self.name}", "PATCH", change)[0] == 200:
                    return self._told(True, f"node {self.name} takes pods again")
            if time.monotonic() >= end:
                return self._told(False, f"no answer about node {self.name}; the next run lets pods come to it again")
            time.sleep(POLL_SECONDS)
