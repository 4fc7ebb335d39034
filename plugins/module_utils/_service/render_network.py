"""Network policies: everything is closed, then each need is opened by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Service, Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import NAME_LABEL

_NAMESPACE_LABEL = "kubernetes.io/metadata.name"
_DNS_PORTS = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]

Policy = dict[str, Any]


def _tcp(ports: Sequence[int]) -> list[dict[str, Any]]:
    return [{"port": port, "protocol": "TCP"} for port in ports]


def _pods(name: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {NAME_LABEL: name}}}


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: name}}}


def closed() -> Policy:
    """Close the namespace in both directions."""
    return {"podSelector": {}, "policyTypes": ["Egress", "Ingress"]}


def name_resolution() -> Policy:
    """Let every pod of the namespace ask the cluster's name servers."""
    return {
        "podSelector": {},
        "policyTypes": ["Egress"],
        "egress": [{"to": [_namespace("kube-system")], "ports": _DNS_PORTS}],
    }


def _incoming(service: Service, target: Target, callers: Sequence[str]) -> list[dict[str, Any]]:
    sources: list[dict[str, Any]] = [_pods(name) for name in callers]
    sources += [_namespace(name) for name in target.caller_namespaces]
    sources += [{"ipBlock": {"cidr": cidr}} for cidr in target.caller_cidrs]
    return [{"from": sources, "ports": _tcp([service.port])}] if sources else []


def _outgoing(service: Service, target: Target, ports_of: dict[str, int]) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    stores = [
        store
        for wanted, store in ((service.database, target.database), (service.redis, target.redis))
        if wanted and store
    ]
    if stores and target.store_cidrs:
        blocks = [{"ipBlock": {"cidr": cidr}} for cidr in target.store_cidrs]
        rules.append({"to": blocks, "ports": _tcp(sorted({store.port for store in stores}))})
    rules += [{"to": [_pods(name)], "ports": _tcp([ports_of[name]])} for name in service.network.calls]
    rules += [{"to": [{"ipBlock": {"cidr": rule.cidr}}], "ports": _tcp(rule.ports)} for rule in service.network.egress]
    return rules


def of_service(service: Service, target: Target, services: Sequence[Service]) -> Policy:
    """Open what one service needs: its callers, its stores, the services it calls."""
    callers = [other.name for other in services if service.name in other.network.calls]
    policy: Policy = {"podSelector": {"matchLabels": {NAME_LABEL: service.name}}, "policyTypes": ["Egress", "Ingress"]}
    if incoming := _incoming(service, target, callers):
        policy["ingress"] = incoming
    if outgoing := _outgoing(service, target, {other.name: other.port for other in services}):
        policy["egress"] = outgoing
    return policy
