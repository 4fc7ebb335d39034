from __future__ import annotations

from typing import Any

import pytest

TOKEN = "server-token-0123456789"  # noqa: S105
AGENT_TOKEN = "agent-token-0123456789"  # noqa: S105
CA = "a" * 64


@pytest.fixture
def params() -> dict[str, Any]:
    """The parameters of k3s_node for one server, as the role gives them."""
    return {
        "state": "started",
        "role": "server",
        "name": "s1",
        "address": "10.0.0.10",
        "version": "v1.34.2+k3s1",
        "urls": ["https://example.com/{version}/k3s{suffix}"],
        "sha256": {"amd64": "b" * 64, "arm64": "c" * 64},
        "secrets": {"token": TOKEN, "agent_token": AGENT_TOKEN},
        "join": {},
        "config": {},
        "cluster_cidr": "10.42.0.0/16",
        "service_cidr": "10.43.0.0/16",
        "tls_san": [],
        "disable": [],
        "secrets_encryption": True,
        "pod_security": "restricted",
        "pod_security_exempt": ["kube-system"],
        "node_labels": {},
        "node_taints": [],
        "registries": {},
        "credential_provider": {},
        "images": [],
        "protect_kernel_defaults": False,
        "wait_timeout": 1,
        "wait_voter": False,
        "controller_time": 0.0,
        "max_clock_skew": 30,
        "skew": 0.0,
    }


def way(mode: str, **over: Any) -> dict[str, Any]:
    base = {"mode": mode, "url": "https://10.0.0.10:6443", "ca_hash": CA, "ca_pem": "", "known": [], "skew": 0.0}
    return {**base, "all_known": True, **over}
