"""Which pods are moved before a node is restarted, what holds them, and that the node takes pods again whatever happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.filter.k3s import k3s_drainer, k3s_draining
from ansible_collections.tiketi.platform.plugins.module_utils._k3s import drain, members
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.errors import K3sError

BUDGET = {
    "message": "Cannot evict pod as it would violate the pod's disruption budget.",
    "details": {"causes": [{"message": "The disruption budget web needs 2 healthy pods and has 2 currently"}]},
}
UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def a_pod(name: str, owner: str = "ReplicaSet", phase: str = "Running", claim: str = "") -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "ownerReferences": [{"kind": owner, "controller": True}] if owner else [],
        },
        "spec": {"volumes": [{"persistentVolumeClaim": {"claimName": claim}}] if claim else [{}]},
        "status": {"phase": phase},
    }


def a_node(name: str, ready: str = "True", cordoned: bool = False, ours: bool = False) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "annotations": {members.DRAINED: "restart"} if ours else {}},
        "spec": {"unschedulable": True, "taints": [UNSCHEDULABLE]} if cordoned else {},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def a_volume(claim: str, node: str) -> dict[str, Any]:
    rule = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "spec": {
            "claimRef": {"namespace": "shop", "name": claim},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}},
        }
    }


class Cluster:
    """An API server with nodes, volumes, and pods of node n1; evictions are answered as told, then taken."""

    def __init__(self, *nodes: dict[str, Any], pods: list[dict[str, Any]] | None = None, serves: bool = True) -> None:
        self.nodes = {node["metadata"]["name"]: node for node in nodes}
        self.pods = {pod["metadata"]["name"]: pod for pod in pods or []}
        self.volumes: list[dict[str, Any]] = []
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.cordons: list[Any] = []
        self.serves = serves

    def ready(self) -> bool:
        return self.serves

    def api(self, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
        if not self.serves:
            return 0, "refused"
        parts = path.partition("?")[0].split("/")
        if method == "POST":
            return self._evict(parts[-2])
        if method == "PATCH":
            self.cordons.append(body["spec"]["unschedulable"])
            node = self.nodes[parts[-1]]
            node["spec"]["unschedulable"] = body["spec"]["unschedulable"]
            node["metadata"]["annotations"] = {
                key: value for key, value in body["metadata"]["annotations"].items() if value is not None
            }
            return 200, node
        if parts[-2] == "nodes":
            return (200, self.nodes[parts[-1]]) if parts[-1] in self.nodes else (404, {})
        rows: dict[str, list[Any]] = {
            "nodes": list(self.nodes.values()),
            "pods": list(self.pods.values()),
            "persistentvolumes": self.volumes,
        }
        return 200, json.loads(json.dumps({"items": rows[parts[-1]]}))

    def _evict(self, name: str) -> tuple[int, Any]:
        answer = self.answers[name].pop(0) if self.answers.get(name) else (201, {})
        if answer[0] == 201:
            del self.pods[name]
        return answer


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(drain, "RELEASE_SECONDS", 0.01)


def on(cluster: Cluster) -> drain.Drain:
    return drain.Drain(cluster, "n1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pod", "why"),
    [
        (a_pod("web"), ""),
        (a_pod("db", "StatefulSet", claim="elsewhere"), ""),
        (a_pod("db", "StatefulSet", claim="here"), "its volume is on this node"),
        (a_pod("log", "DaemonSet"), "it belongs to the node"),
        (a_pod("static", "Node"), "it belongs to the node"),
        (a_pod("by-hand", ""), "nothing would make it again"),
        (a_pod("job", "Job", "Succeeded"), "it has ended"),
    ],
    ids=lambda value: value["metadata"]["name"] if isinstance(value, dict) else "",
)
def test_pods_that_can_run_elsewhere_are_moved(pod: dict[str, Any], why: str) -> None:
    claims = drain.pinned([a_volume("here", "n1"), a_volume("elsewhere", "n2"), {"spec": {}}], "n1")
    assert drain.stays(pod, claims) == why


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        (Cluster(a_node("n1"), pods=[a_pod("web")]), "no other node takes pods"),
        (Cluster(a_node("n1"), a_node("n2", "False"), pods=[a_pod("web")]), "no other node takes pods"),
        (Cluster(a_node("n1"), a_node("n2", cordoned=True), pods=[a_pod("web")]), "no other node takes pods"),
        (Cluster(a_node("n1", "Unknown"), a_node("n2"), pods=[a_pod("web")]), "is not Ready"),
        (Cluster(a_node("n2")), "is not Ready"),
        (Cluster(serves=False), "no API server answers"),
    ],
    ids=["alone", "other-down", "other-cordoned", "itself-down", "unknown", "no-api"],
)
def test_nothing_is_moved_where_it_would_be_of_no_use(cluster: Cluster, words: str) -> None:
    found = on(cluster).go(1, False)
    assert (found["changed"], words in found["message"]) == (False, True)
    assert cluster.cordons == []


def test_a_budget_is_waited_for_and_the_node_takes_pods_again() -> None:
    cluster = Cluster(a_node("n1"), a_node("n2"), pods=[a_pod("web"), a_pod("log", "DaemonSet")])
    cluster.answers["web"] = [(429, BUDGET), (0, "reset"), (201, {})]
    found = on(cluster).go(5, False)
    assert found["evicted"] == ["shop/web"]
    assert found["stayed"] == {"shop/log": "it belongs to the node"}
    assert cluster.nodes["n1"]["spec"]["unschedulable"]
    assert on(cluster).release()["changed"]
    assert cluster.cordons == [True, None]
    assert not on(cluster).release()["changed"]


def test_a_budget_that_never_allows_it_is_named_and_the_node_takes_pods_again() -> None:
    cluster = Cluster(a_node("n1"), a_node("n2"), pods=[a_pod("web"), a_pod("api")])
    cluster.answers["web"] = [(429, BUDGET)] * 10_000
    with pytest.raises(K3sError, match=r"shop/web: The disruption budget web needs 2") as caught:
        on(cluster).go(0.02, False)
    assert list(caught.value.facts["blocked"]) == ["shop/web"]
    assert "k3s_common_drain_timeout" in str(caught.value)
    assert cluster.cordons == [True, None]


def test_a_refusal_of_another_kind_ends_it_and_the_node_takes_pods_again() -> None:
    cluster = Cluster(a_node("n1"), a_node("n2"), pods=[a_pod("web")])
    cluster.answers["web"] = [(403, {"message": "forbidden"})]
    with pytest.raises(K3sError, match="shop/web cannot be evicted: 403 forbidden"):
        on(cluster).go(1, False)
    assert cluster.cordons == [True, None]


def test_a_cordon_of_a_person_stays() -> None:
    cluster = Cluster(a_node("n1", cordoned=True), a_node("n2"), pods=[a_pod("web")])
    assert on(cluster).go(1, False)["evicted"] == ["shop/web"]
    assert not on(cluster).release()["changed"]
    assert cluster.cordons == []


def test_a_cordon_that_a_killed_run_left_is_ended_by_the_next() -> None:
    cluster = Cluster(a_node("n1", cordoned=True, ours=True), a_node("n2"))
    assert on(cluster).go(1, False)["changed"]
    assert on(cluster).release()["changed"]
    assert cluster.cordons == [None]


def test_a_proof_of_the_cluster_ends_a_cordon_of_ours_and_no_other() -> None:
    left = members.patch({**a_node("n1", cordoned=True, ours=True)}, {"disk": "ssd"}, [])
    assert left["spec"]["unschedulable"] is None
    assert left["metadata"]["annotations"][members.DRAINED] is None
    assert left["metadata"]["labels"] == {"disk": "ssd"}
    assert members.patch(a_node("n1", cordoned=True), {}, []) == {}


def test_check_mode_says_how_many_and_touches_nothing() -> None:
    cluster = Cluster(a_node("n1"), a_node("n2"), pods=[a_pod("web")])
    assert on(cluster).go(1, True)["message"] == "1 pods would be moved from n1"
    assert cluster.cordons == []
    assert cluster.pods


def test_an_api_server_that_is_away_is_no_failure_of_the_release() -> None:
    assert "the next run" in on(Cluster(serves=False)).release(0.01)["message"]


@pytest.mark.parametrize(("when", "hosts"), [("upgrade", ["old"]), ("always", ["old", "set"]), ("never", [])])
def test_pods_are_moved_for_another_version_and_not_for_a_setting(when: str, hosts: list[str]) -> None:
    looks = {
        "old": {"version": "v1", "restart": True},
        "set": {"version": "v2", "restart": True},
        "new": {"version": "", "restart": False},
    }
    hostvars = {**{host: {"look": {"node": look}} for host, look in looks.items()}, "lost": {"look": {}}}
    assert k3s_draining(hostvars, list(hostvars), "look", "v2", when) == hosts


def test_a_living_server_other_than_the_restarted_one_is_asked() -> None:
    looks: dict[str, Any] = {"s1": {"alive": True}, "s2": None, "s3": {"alive": True}}
    assert [k3s_drainer(looks, me) for me in ("s1", "s3", "a1")] == ["s3", "s1", "s1"]
    assert k3s_drainer({"s1": {"alive": True}}, "s1") == "s1"
