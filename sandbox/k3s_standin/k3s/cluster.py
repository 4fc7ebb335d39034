"""What servers do for the cluster: mark their nodes, keep etcd's membership, give load balancers addresses."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from . import etcd, log
from .api import MERGE, STRATEGIC, ApiError, Client, Object
from .layout import Layout, write
from .pki import Store

INTERVAL: Final = 2.0
LEARNER_INTERVAL: Final = 0.5
NAME_ANNOTATION: Final = "etcd.k3s.cattle.io/node-name"
ADDRESS_ANNOTATION: Final = "etcd.k3s.cattle.io/node-address"
FINALIZER: Final = "wrangler.cattle.io/managed-etcd-controller"
CONDITION: Final = "EtcdIsVoter"
ROLES: Final = ("control-plane",)
PASSWORD: Final = "/api/v1/namespaces/kube-system/secrets/{}.node-password.k3s"  # noqa: S105 - a path


def node_patch(node: Object, member_name: str, address: str) -> dict[str, Any]:
    """What the Node of a server lacks: role labels, and for a member of etcd its name, address and finalizer."""
    meta = node["metadata"]
    roles = [*ROLES, *(["etcd"] if member_name else [])]
    labels = {f"node-role.kubernetes.io/{role}": "true" for role in roles}
    annotations = {NAME_ANNOTATION: member_name, ADDRESS_ANNOTATION: address} if member_name else {}
    patch: dict[str, Any] = {}
    if any(meta.get("labels", {}).get(key) != value for key, value in labels.items()):
        patch["labels"] = labels
    if any(meta.get("annotations", {}).get(key) != value for key, value in annotations.items()):
        patch["annotations"] = annotations
    finalizers = meta.get("finalizers", [])
    if member_name and FINALIZER not in finalizers and not meta.get("deletionTimestamp"):
        patch["finalizers"] = [*finalizers, FINALIZER]
    return patch


def voter_condition(node: Object, learner: bool, now: str) -> dict[str, Any] | None:
    """The condition to write, or nothing when the Node says so already."""
    status = "False" if learner else "True"
    for condition in node.get("status", {}).get("conditions", []):
        if condition["type"] == CONDITION and condition["status"] == status:
            return None
    return {
        "type": CONDITION,
        "status": status,
        "reason": "MemberIsLearner" if learner else "MemberNotLearner",
        "message": "Node has not been promoted to voting member of the etcd cluster"
        if learner
        else "Node is a voting member of the etcd cluster",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }


def balancer_addresses(nodes: Sequence[Object]) -> list[dict[str, str]]:
    """Every Ready node answers for every load balancer, as with K3s's service load balancer."""
    found = []
    for node in nodes:
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", []))
        if not ready or node["metadata"].get("deletionTimestamp"):
            continue
        addresses = {item["type"]: item["address"] for item in node["status"].get("addresses", [])}
        if address := addresses.get("ExternalIP") or addresses.get("InternalIP"):
            found.append(address)
    return [{"ip": address, "ipMode": "VIP"} for address in sorted(found)]


def deleted_members(nodes: Sequence[Object]) -> dict[str, str]:
    """Member names of the Nodes that wait for their member to leave, by Node."""
    return {
        node["metadata"]["name"]: node["metadata"].get("annotations", {}).get(NAME_ANNOTATION, "")
        for node in nodes
        if node["metadata"].get("deletionTimestamp") and FINALIZER in node["metadata"].get("finalizers", [])
    }


class Controller(threading.Thread):
    """One loop, on every server; what it writes is the same whoever writes it."""

    def __init__(self, api: Client, store: Store, paths: Layout, node: str, address: str, clustered: bool) -> None:
        super().__init__(daemon=True, name="cluster")
        self._api = api
        self._paths = paths
        self._node = node
        self._address = address
        self._gateway = etcd.Gateway(store) if clustered else None
        self._member = etcd.member_name(paths, node) if clustered else ""
        self.service_balancer = True
        self._faults: set[str] = set()
        self._known: set[str] = set()

    def run(self) -> None:
        while True:
            pause = INTERVAL
            try:
                pause = self._once()
                self._faults.clear()
            except (ApiError, etcd.EtcdError, OSError, KeyError) as fault:
                if str(fault) not in self._faults:
                    self._faults.add(str(fault))
                    log.warning(f"cluster controller: {fault}")
            time.sleep(pause)

    def _once(self) -> float:
        nodes: list[Object] = self._api.get("/api/v1/nodes")["items"]
        by_name = {node["metadata"]["name"]: node for node in nodes}
        own = by_name.get(self._node)
        if own is not None:
            self._mark(own)
        self._forget(set(by_name))
        learners = self._membership(nodes, own)
        if self.service_balancer:
            self._balance(nodes)
        # A node that is not registered yet gets its labels as soon as it is.
        return LEARNER_INTERVAL if learners or own is None else INTERVAL

    def _forget(self, nodes: set[str]) -> None:
        """A deleted node may come again as another host, so its password goes with it."""
        gone, self._known = self._known - nodes, nodes
        for name in sorted(gone):
            # Every server sees it go; whoever comes first deletes.
            if self._api.find(PASSWORD.format(name)) is not None:
                log.info(f"Deleting the password of node {name}, which was deleted")
                self._api.request("DELETE", PASSWORD.format(name))

    def _mark(self, node: Object) -> None:
        patch = node_patch(node, self._member, self._address)
        if patch:
            self._api.request("PATCH", f"/api/v1/nodes/{self._node}", {"metadata": patch}, MERGE)

    def _membership(self, nodes: Sequence[Object], own: Object | None) -> bool:
        if self._gateway is None:
            return False
        members = self._gateway.members()
        known = next((member for member in members if member.name == self._member), None)
        if own is not None and known is not None:
            self._write_condition(own, known.learner)
        learners = [member for member in members if member.learner]
        if learners and self._gateway.leads():
            self._promote(learners)
        self._remove(members, deleted_members(nodes))
        return bool(learners)

    def _write_condition(self, node: Object, learner: bool) -> None:
        condition = voter_condition(node, learner, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        if condition is not None:
            body = {"status": {"conditions": [condition]}}
            self._api.request("PATCH", f"/api/v1/nodes/{self._node}/status", body, STRATEGIC)

    def _promote(self, learners: Sequence[etcd.Member]) -> None:
        assert self._gateway is not None
        for member in learners:
            if not member.name:
                continue
            try:
                self._gateway.promote(member)
            except etcd.EtcdError as fault:
                log.info(f"learner {member.name} is not promoted yet: {fault}")
                continue
            log.info(f"Promoted learner {member.name}")

    def _remove(self, members: Sequence[etcd.Member], deleted: Mapping[str, str]) -> None:
        assert self._gateway is not None
        if self._node in deleted and len(members) > 1:
            log.error("this server has been removed from the cluster")
            write(etcd.tombstone(self._paths), "")
        for member in etcd.members_to_remove(members, deleted, self._member):
            log.info(f"Removing name={member.name} id={member.id} address={member.address} from etcd")
            self._gateway.remove(member)
        left = {member.name for member in self._gateway.members()} if deleted else set()
        for node, name in deleted.items():
            if name not in left or len(members) == 1:
                self._api.request("PATCH", f"/api/v1/nodes/{node}", {"metadata": {"finalizers": None}}, MERGE)

    def _balance(self, nodes: Sequence[Object]) -> None:
        wanted = balancer_addresses(nodes)
        for service in self._api.get("/api/v1/services")["items"]:
            if service["spec"].get("type") != "LoadBalancer" or service["spec"].get("loadBalancerClass"):
                continue
            if service["status"].get("loadBalancer", {}).get("ingress", []) == wanted:
                continue
            meta = service["metadata"]
            path = f"/api/v1/namespaces/{meta['namespace']}/services/{meta['name']}/status"
            self._api.request("PATCH", path, {"status": {"loadBalancer": {"ingress": wanted}}}, MERGE)
