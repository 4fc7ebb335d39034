from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.k3s_standin.k3s import cluster, etcd, layout, log


def member(name: str, address: str, learner: bool = False) -> etcd.Member:
    return etcd.Member(f"id-{address}", name, (f"https://{address}:2380",), learner)


FIRST = member("a-00000001", "10.0.0.1")


def test_new_server_is_added() -> None:
    plan = etcd.plan_join([FIRST], "b-00000002", "b", "10.0.0.2")
    assert plan == etcd.Join(True, "a-00000001=https://10.0.0.1:2380,b-00000002=https://10.0.0.2:2380")


@pytest.mark.parametrize("known_name", ["", "b-00000002"])
def test_join_that_broke_off_goes_on(known_name: str) -> None:
    plan = etcd.plan_join([FIRST, member(known_name, "10.0.0.2", learner=True)], "b-00000002", "b", "10.0.0.2")
    assert plan == etcd.Join(False, "a-00000001=https://10.0.0.1:2380,b-00000002=https://10.0.0.2:2380")


def test_second_member_for_a_node_is_refused() -> None:
    with pytest.raises(log.FatalError, match="duplicate node name found"):
        etcd.plan_join([FIRST], "a-00000009", "a", "10.0.0.9")


@pytest.mark.parametrize(("name", "node"), [("a-1", "a"), ("ip-10-0-0-1-0a0b0c0d", "ip-10-0-0-1"), ("a", "a")])
def test_node_of_a_member(name: str, node: str) -> None:
    assert etcd.node_of(name) == node


def test_members_of_deleted_nodes_leave_but_never_our_own() -> None:
    members = [FIRST, member("b-2", "10.0.0.2"), member("c-3", "10.0.0.3")]
    found = etcd.members_to_remove(members, {"a": "a-00000001", "b": "b-2"}, own="a-00000001")
    assert [item.name for item in found] == ["b-2"]


def node(name: str, ready: str = "True", **meta: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, **meta},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "addresses": [{"type": "InternalIP", "address": f"10.0.0.{name[-1]}"}],
        },
    }


def test_node_is_marked_once() -> None:
    fresh = node("n1", finalizers=["other"])
    patch = cluster.node_patch(fresh, "n1-00000001", "10.0.0.1")
    assert patch["labels"] == {
        "node-role.kubernetes.io/control-plane": "true",
        "node-role.kubernetes.io/etcd": "true",
    }
    assert patch["finalizers"] == ["other", cluster.FINALIZER]
    assert cluster.node_patch(node("n1", **patch), "n1-00000001", "10.0.0.1") == {}


def test_server_without_a_cluster_has_no_etcd_role() -> None:
    assert cluster.node_patch(node("n1"), "", "10.0.0.1") == {
        "labels": {"node-role.kubernetes.io/control-plane": "true"}
    }


def test_node_on_its_way_out_gets_no_finalizer() -> None:
    assert "finalizers" not in cluster.node_patch(node("n1", deletionTimestamp="now"), "n1-1", "10.0.0.1")


def test_voter_condition_is_written_on_change_only() -> None:
    found = node("n1")
    learner = cluster.voter_condition(found, learner=True, now="t")
    assert learner is not None
    assert learner["status"] == "False"
    found["status"]["conditions"].append(learner)
    assert cluster.voter_condition(found, learner=True, now="t") is None
    voter = cluster.voter_condition(found, learner=False, now="t")
    assert voter is not None
    assert (voter["status"], voter["reason"]) == ("True", "MemberNotLearner")


def test_load_balancer_addresses_are_those_of_ready_nodes() -> None:
    nodes = [node("n3"), node("n2", ready="False"), node("n1"), node("n4", deletionTimestamp="now")]
    assert [item["ip"] for item in cluster.balancer_addresses(nodes)] == ["10.0.0.1", "10.0.0.3"]


class Api:
    """Keeps the passwords of two nodes."""

    def __init__(self) -> None:
        self.nodes = [node("n1"), node("n2")]
        self.secrets = {cluster.PASSWORD.format(name) for name in ("n1", "n2")}

    def get(self, _path: str) -> dict[str, Any]:
        return {"items": self.nodes}

    def find(self, path: str) -> dict[str, Any] | None:
        return {} if path in self.secrets else None

    def request(self, method: str, path: str, *_rest: Any) -> dict[str, Any]:
        if method == "DELETE":
            self.secrets.remove(path)
        return {}


def test_the_password_of_a_deleted_node_goes_with_it(tmp_path: Path) -> None:
    """docs.k3s.io/architecture: deleting the node cleans up the entry and its password secret."""
    api = Api()
    controller = cluster.Controller(api, None, layout.Layout(tmp_path), "n1", "10.0.0.1", clustered=False)  # type: ignore[arg-type]
    controller.service_balancer = False
    controller._once()
    api.nodes.pop()
    controller._once()
    controller._once()
    assert api.secrets == {cluster.PASSWORD.format("n1")}
