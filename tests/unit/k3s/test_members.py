"""Labels, taints and the proof of the nodes; the kubeconfig that leaves the server."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.tiketi.platform.plugins.filter.k3s import k3s_kubeconfig, k3s_kubeconfig_stale
from ansible_collections.tiketi.platform.plugins.module_utils._k3s import members
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.errors import K3sError


def a_node(
    labels: dict[str, str] | None = None,
    taints: list[dict[str, str]] | None = None,
    owned: tuple[list[str], list[str]] | None = None,
    conditions: dict[str, str] | None = None,
    version: str = "v1",
) -> dict[str, Any]:
    annotations = {members.LABELS: json.dumps(owned[0]), members.TAINTS: json.dumps(owned[1])} if owned else {}
    states = {"Ready": "True", "EtcdIsVoter": "True"} if conditions is None else conditions
    return {
        "metadata": {"name": "n", "labels": labels or {}, "annotations": annotations},
        "spec": {"taints": taints} if taints else {},
        "status": {
            "conditions": [{"type": kind, "status": state} for kind, state in states.items()],
            "nodeInfo": {"kubeletVersion": version},
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
        },
    }


THEIRS = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
OURS = {"key": "batch", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("node", "labels", "taints", "labels_patch", "taints_patch"),
    [
        (a_node(), {}, [], None, None),
        (a_node({"disk": "ssd"}, owned=(["disk"], [])), {"disk": "ssd"}, [], None, None),
        (a_node(), {"disk": "ssd"}, [], {"disk": "ssd"}, None),
        (a_node({"disk": "hdd"}, owned=(["disk"], [])), {"disk": "ssd"}, [], {"disk": "ssd"}, None),
        (a_node({"disk": "ssd", "zone": "a"}, owned=(["disk"], [])), {}, [], {"disk": None}, None),
        (a_node(), {"number": 1}, [], {"number": "1"}, None),
        (a_node(taints=[OURS], owned=([], ["batch:NoSchedule"])), {}, ["batch=yes:NoSchedule"], None, None),
        (a_node(taints=[THEIRS]), {}, ["batch=yes:NoSchedule"], None, [THEIRS, OURS]),
        (a_node(taints=[THEIRS, OURS], owned=([], ["batch:NoSchedule"])), {}, [], None, [THEIRS]),
        (a_node(taints=[OURS]), {}, ["batch=no:NoSchedule"], None, [{**OURS, "value": "no"}]),
    ],
)
def test_what_others_set_stays(
    node: dict[str, Any], labels: dict[str, str], taints: list[str], labels_patch: Any, taints_patch: Any
) -> None:
    found = members.patch(node, labels, taints)
    assert found.get("metadata", {}).get("labels") == labels_patch
    assert found.get("spec", {}).get("taints") == taints_patch


def test_a_taint_in_another_form_is_refused() -> None:
    with pytest.raises(K3sError, match="key\\[=value\\]"):
        members.parse_taint("batch=yes")


@pytest.mark.parametrize(
    ("role", "node", "words"),
    [
        ("agent", a_node(conditions={"Ready": "True"}), []),
        ("server", a_node(), []),
        ("agent", None, ["has not registered"]),
        ("agent", a_node(conditions={"Ready": "False"}), ["is not Ready"]),
        ("agent", a_node(conditions={}), ["is not Ready"]),
        ("server", a_node(conditions={"Ready": "True", "EtcdIsVoter": "False"}), ["not a voting member"]),
        ("server", a_node(conditions={"Ready": "True"}), ["not a voting member"]),
        ("agent", a_node(version="v0"), ["runs v0, not v1"]),
    ],
)
def test_a_node_is_proved_by_all_its_conditions(role: str, node: dict[str, Any] | None, words: list[str]) -> None:
    found = members.missing({"role": role, "version": "v1"}, node)
    assert len(found) == len(words)
    for word, told in zip(words, found, strict=True):
        assert word in told


class Cluster:
    """An API server with nodes that become Ready after some looks."""

    def __init__(self, nodes: list[dict[str, Any]], ready_after: int = 0) -> None:
        self.nodes = nodes
        self.looks = 0
        self.ready_after = ready_after
        self.patches: list[Any] = []
        self.conflicts = 0

    def api(self, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
        if method == "PATCH":
            self.patches.append((path, body))
            if self.conflicts:
                self.conflicts -= 1
                self.nodes[0]["spec"].pop("taints")
                self.nodes[0]["metadata"]["resourceVersion"] = "8"
                return 409, {"message": "the object has been modified"}
            return 200, {}
        self.looks += 1
        return 200, {"items": self.nodes if self.looks > self.ready_after else []}


WANTED = {"name": "n", "role": "server", "version": "v1", "labels": {"disk": "ssd"}, "taints": []}


def test_the_proof_waits_and_patches_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "POLL_SECONDS", 0.0)
    cluster = Cluster([a_node()], ready_after=2)
    result = members.prove(cluster, [WANTED], 5, False)  # type: ignore[arg-type]
    assert result["changed"]
    assert len(cluster.patches) == 1
    assert result["nodes"][0] == {
        "name": "n",
        "ready": True,
        "voter": True,
        "version": "v1",
        "address": "10.0.0.1",
        "internal": "10.0.0.1",
    }


def test_taints_are_replaced_only_as_they_were_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "POLL_SECONDS", 0.0)
    cluster = Cluster([a_node(taints=[THEIRS])])
    cluster.nodes[0]["metadata"]["resourceVersion"] = "7"
    cluster.conflicts = 1
    result = members.prove(cluster, [{**WANTED, "taints": ["batch=yes:NoSchedule"]}], 5, False)  # type: ignore[arg-type]
    assert result["changed"]
    first, second = [body for _path, body in cluster.patches]
    assert first["metadata"]["resourceVersion"] == "7"
    # What another did in between stays.
    assert first["spec"]["taints"] == [THEIRS, OURS]
    assert second["spec"]["taints"] == [OURS]
    assert second["metadata"]["resourceVersion"] == "8"


def test_check_mode_neither_patches_nor_waits() -> None:
    cluster = Cluster([a_node()], ready_after=99)
    assert not members.prove(cluster, [WANTED], 5, True)["changed"]  # type: ignore[arg-type]
    cluster = Cluster([a_node()])
    assert members.prove(cluster, [WANTED], 5, True)["changed"]  # type: ignore[arg-type]
    assert not cluster.patches


@pytest.mark.parametrize("wanted", [[WANTED], []])
def test_a_cluster_that_is_not_whole_is_named(wanted: list[Any]) -> None:
    with pytest.raises(K3sError, match=r"is not Ready|has no node"):
        members.prove(Cluster([a_node(conditions={})] if wanted else []), wanted, 0, False)  # type: ignore[arg-type]


def test_the_kubeconfig_is_rewritten_as_structure() -> None:
    text = yaml.safe_dump(
        {
            "apiVersion": "v1",
            "clusters": [
                {
                    "name": "default",
                    "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority-data": "default"},
                }
            ],
            "users": [{"name": "default", "user": {"client-key-data": "default 127.0.0.1"}}],
            "contexts": [{"name": "default", "context": {"cluster": "default", "user": "default"}}],
            "current-context": "default",
        }
    )
    found = yaml.safe_load(k3s_kubeconfig(text, "https://10.0.0.10:6443", "tiketi-k3s"))
    assert found["clusters"] == [
        {"name": "tiketi-k3s", "cluster": {"server": "https://10.0.0.10:6443", "certificate-authority-data": "default"}}
    ]
    assert found["users"] == [{"name": "tiketi-k3s", "user": {"client-key-data": "default 127.0.0.1"}}]
    assert found["current-context"] == "tiketi-k3s"


def test_a_kubeconfig_is_current_only_as_a_whole(tmp_path: Path) -> None:
    text = yaml.safe_dump(
        {
            "clusters": [{"name": "default", "cluster": {"server": "s", "certificate-authority-data": "ca"}}],
            "users": [{"name": "default", "user": {"client-certificate-data": "crt", "client-key-data": "key"}}],
            "contexts": [{"name": "default", "context": {"cluster": "default", "user": "default"}}],
            "current-context": "default",
        }
    )
    path = tmp_path / "kubeconfig"
    digest = hashlib.sha256(b"ca\0crt\0key").hexdigest()
    assert k3s_kubeconfig_stale(str(path), "https://s", "n", digest)
    path.write_text(k3s_kubeconfig(text, "https://s", "n"))
    path.chmod(0o600)
    assert not k3s_kubeconfig_stale(str(path), "https://s", "n", digest)
    assert k3s_kubeconfig_stale(str(path), "https://other", "n", digest)
    assert k3s_kubeconfig_stale(str(path), "https://s", "other", digest)
    assert k3s_kubeconfig_stale(str(path), "https://s", "n", "another")
    path.chmod(0o644)
    assert k3s_kubeconfig_stale(str(path), "https://s", "n", digest)
    path.write_text("{")
    path.chmod(0o600)
    assert k3s_kubeconfig_stale(str(path), "https://s", "n", digest)
