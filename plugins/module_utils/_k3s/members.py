"""The nodes of a running cluster: their labels and taints, and the proof that each is what it shall be."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import K3sError
from .host import Host

# Names what this role set, so that what others set (K3s, the cloud, a person) stays.
LABELS = "tiketi.platform/labels"
TAINTS = "tiketi.platform/taints"
# On a node that was cordoned for a restart, so that a run after a killed one knows its own cordon from a person's.
DRAINED = "tiketi.platform/drained"
POLL_SECONDS = 0.25
CONFLICT = 409


def parse_taint(text: str) -> dict[str, str]:
    """key[=value]:Effect, as K3s and kubectl write it."""
    rest, _colon, effect = text.rpartition(":")
    key, _equals, value = rest.partition("=")
    if not key or effect not in {"NoSchedule", "PreferNoSchedule", "NoExecute"}:
        raise K3sError(f"taint {text!r} is not key[=value]:NoSchedule, :PreferNoSchedule or :NoExecute")
    return {"key": key, "effect": effect, **({"value": value} if value else {})}


def _identity(taint: Mapping[str, Any]) -> str:
    return f"{taint['key']}:{taint['effect']}"


def _owned(node: Mapping[str, Any], annotation: str) -> set[str]:
    return set(json.loads(node["metadata"].get("annotations", {}).get(annotation, "[]")))


def patch(node: Mapping[str, Any], labels: Mapping[str, str], taints: Sequence[str]) -> dict[str, Any]:
    """The merge patch that brings the wanted labels and taints, or nothing when all is as wanted."""
    metadata: dict[str, Any] = {}
    have = node["metadata"].get("labels", {})
    owned = _owned(node, LABELS)
    change: dict[str, str | None] = {key: str(value) for key, value in labels.items() if have.get(key) != str(value)}
    change.update({key: None for key in sorted(owned - set(labels)) if key in have})
    annotations = {}
    if owned != set(labels):
        annotations[LABELS] = json.dumps(sorted(labels))
    wanted = {_identity(taint): taint for taint in map(parse_taint, taints)}
    present = {_identity(taint): taint for taint in node.get("spec", {}).get("taints", [])}
    owned = _owned(node, TAINTS)
    kept = [taint for name, taint in present.items() if name not in wanted and name not in owned]
    if owned != set(wanted):
        annotations[TAINTS] = json.dumps(sorted(wanted))
    if change:
        metadata["labels"] = change
    if annotations:
        metadata["annotations"] = annotations
    found: dict[str, Any] = {"metadata": metadata} if metadata else {}
    plain = {name: taint.get("value", "") for name, taint in present.items()}
    # The list is replaced as a whole, and others change it too (not-ready, cordon): only as it was seen.
    if any(plain.get(name) != taint.get("value", "") for name, taint in wanted.items()) or any(
        name in present and name not in wanted for name in owned
    ):
        found["spec"] = {"taints": kept + list(wanted.values())}
        metadata["resourceVersion"] = node["metadata"].get("resourceVersion", "")
        found["metadata"] = metadata
    return _with(found, released(node))


def released(node: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that ends a cordon of ours, or nothing."""
    if DRAINED not in node["metadata"].get("annotations", {}):
        return {}
    return {"metadata": {"annotations": {DRAINED: None}}, "spec": {"unschedulable": None}}


def _with(patch: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Two merge patches as one."""
    for key, value in more.items():
        patch[key] = _with(dict(patch.get(key, {})), value) if isinstance(value, dict) else value
    return patch


def _condition(node: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    conditions = node.get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == kind), {"status": "missing"})


def missing(wanted: Mapping[str, Any], node: Mapping[str, Any] | None) -> list[str]:
    """What a node still lacks, in words; nothing when it is proved."""
    if node is None:
        return ["has not registered"]
    found = []
    ready = _condition(node, "Ready")
    if ready["status"] != "True":
        found.append(f"is not Ready ({ready.get('message') or ready['status']})")
    version = node.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", "")
    if wanted.get("version") and version != wanted["version"]:
        found.append(f"runs {version}, not {wanted['version']}")
    if wanted["role"] == "server" and not is_voter(node):
        found.append("is not a voting member of etcd")
    return found


def is_ready(node: Mapping[str, Any]) -> bool:
    return bool(_condition(node, "Ready")["status"] == "True")


def is_voter(node: Mapping[str, Any]) -> bool:
    return bool(_condition(node, "EtcdIsVoter")["status"] == "True")


def summary(node: Mapping[str, Any]) -> dict[str, Any]:
    addresses = {one["type"]: one["address"] for one in node.get("status", {}).get("addresses", [])}
    return {
        "name": node["metadata"]["name"],
        "ready": is_ready(node),
        "voter": is_voter(node),
        "version": node.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", ""),
        "address": addresses.get("ExternalIP") or addresses.get("InternalIP", ""),
        "internal": addresses.get("InternalIP", ""),
    }


def _nodes(host: Host) -> dict[str, Any] | None:
    status, answer = host.api("/api/v1/nodes")
    return {node["metadata"]["name"]: node for node in answer["items"]} if status == 200 else None


def _patch(host: Host, name: str, change: Mapping[str, Any]) -> bool:
    """Whether it was taken; not where the node changed since it was looked at."""
    status, answer = host.api(f"/api/v1/nodes/{name}", "PATCH", change)
    if status not in {200, CONFLICT}:
        told = answer.get("message", answer) if isinstance(answer, dict) else answer
        raise K3sError(f"labels and taints of node {name} were refused: {told}")
    return status == 200


def _any(name: str) -> dict[str, Any]:
    """A node that is only asked to be Ready, for a proof without a run before it."""
    return {"name": name, "role": "agent"}


def prove(host: Host, wanted: Sequence[Mapping[str, Any]], timeout: float, check: bool) -> dict[str, Any]:
    """Bring labels and taints to what is wanted, and wait until every wanted node is proved."""
    began = time.monotonic()
    changes: dict[str, Any] = {}
    while True:
        nodes = _nodes(host)
        lacking = {} if nodes else {"the cluster": ["has no node"]}
        for node in wanted or [_any(name) for name in nodes or {}]:
            seen = (nodes or {}).get(node["name"])
            change = patch(seen, node["labels"], node["taints"]) if seen and wanted else {}
            if change and node["name"] not in changes:
                if check or _patch(host, node["name"], change):
                    changes[node["name"]] = change
                else:
                    lacking[node["name"]] = ["has changed while its labels and taints were set"]
            if found := missing(node, seen):
                lacking[node["name"]] = lacking.get(node["name"], []) + found
        if check or (nodes is not None and not lacking):
            break
        if time.monotonic() - began > timeout:
            told = [f"{name} {' and '.join(found)}" for name, found in lacking.items()]
            heading = f"after {timeout} s the cluster is not whole:"
            raise K3sError(
                "\n  - ".join([heading, *(told if nodes is not None else ["the API server does not answer"])]),
                lacking=lacking,
            )
        time.sleep(POLL_SECONDS)
    return {
        "changed": bool(changes),
        "diff": [
            {"before_header": name, "after_header": name, "before": "", "after": json.dumps(change, indent=2) + "\n"}
            for name, change in changes.items()
        ],
        "nodes": [summary(node) for node in (nodes or {}).values()],
        "waited": round(time.monotonic() - began, 2),
    }
