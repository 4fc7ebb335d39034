"""The nodes of a cluster, before any of them is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.catalogue import load
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.nodes import READ, check

CATALOGUE = load(Path())
DEFAULTS = CATALOGUE.roles["k3s_common"].defaults
SERVERS = ["server-1", "server-2", "server-3"]


def faults(
    told: Mapping[str, Mapping[str, Any]], servers: Sequence[str] = SERVERS, agents: Sequence[str] = ("agent-1",)
) -> list[str]:
    found = check({"k3s_servers": servers, "k3s_agents": agents}, told, DEFAULTS)
    return [f"{fault.object}: {fault.what}. Mend: {fault.mend}" for fault in found]


def of_all(**told: Any) -> dict[str, dict[str, Any]]:
    return {host: {f"k3s_{name}": value for name, value in told.items()} for host in SERVERS}


@pytest.mark.parametrize("host", ["server_1", "Agent-1", "-a", "a" * 64])
def test_a_host_whose_name_no_node_can_have(host: str) -> None:
    [fault] = faults({}, servers=["server-1"], agents=[host])
    assert fault.startswith(f"host {host}: '{host}' is no name of RFC 1123. Mend: take small letters")
    assert faults({host: {"k3s_common_node_name": "agent-1"}}, servers=["server-1"], agents=[host]) == []


@pytest.mark.parametrize(
    ("told", "starts", "words"),
    [
        ({"agent-1": {"k3s_common_node_name": "Server_1"}}, "k3s_common_node_name: 'Server_1'", "RFC 1123"),
        (of_all(common_node_name="one"), "k3s_common_node_name: is one on server-1, server-2", "a name of its own"),
        ({"agent-1": {"k3s_common_node_name": "server-2"}}, "k3s_common_node_name: is server-2 on", "agent-1"),
        (of_all(server_node_labels={"bad label": "a"}), "k3s_server_node_labels.bad label:", "example.org/disk"),
        (of_all(server_node_labels={"/a": "a"}), "k3s_server_node_labels./a:", "example.org/disk"),
        (of_all(server_node_labels={"a": "x y"}), "k3s_server_node_labels.a: has the value 'x y'", "both ends"),
        ({"agent-1": {"k3s_agent_node_labels": {"a": ["b"]}}}, "k3s_agent_node_labels.a: has the value ['b']", "ends"),
        (of_all(common_disable=["traefic"]), "k3s_common_disable: has traefic", "did you mean traefik?"),
        (of_all(common_disable=["x"]), "k3s_common_disable: has x", "known are coredns, servicelb"),
        (of_all(common_cluster_cidr="10.42.0.0/23"), "k3s_common_cluster_cidr: 10.42.0.0/23 has room for 2", "/22"),
        (of_all(common_service_cidr="10.43.0.0/31"), "k3s_common_service_cidr: 10.43.0.0/31", "/28"),
        (of_all(common_service_cidr="fd00:43::/112"), "k3s_common_cluster_cidr, k3s_common_service_cidr:", "one kind"),
    ],
)
def test_what_no_cluster_can_be_made_of(told: Mapping[str, Mapping[str, Any]], starts: str, words: str) -> None:
    found = dict.fromkeys(faults(told))
    assert len(found) == 1
    assert next(iter(found)).startswith(starts)
    assert words in next(iter(found))


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("k3s_common_version", "v1.33.1+k3s1", "v1.34.2+k3s1 on server-1, server-3; v1.33.1+k3s1 on server-2"),
        ("k3s_common_cluster_cidr", "10.52.0.0/16", "10.42.0.0/16 on server-1, server-3; 10.52.0.0/16 on server-2"),
        ("k3s_common_service_cidr", "10.53.0.0/16", "10.53.0.0/16 on server-2"),
        ("k3s_common_disable", ["traefik"], "[] on server-1, server-3; [traefik] on server-2"),
        ("k3s_common_secrets_encryption", False, "true on server-1, server-3; false on server-2"),
    ],
)
def test_what_the_servers_have_in_common(name: str, value: Any, shown: str) -> None:
    [fault] = faults({"server-2": {name: value}})
    assert fault.startswith(f"{name}: differs: ")
    assert shown in fault
    assert faults({host: {name: value} for host in [*SERVERS, "agent-1"]}) == []
    assert faults({"agent-1": {name: value}}) == []


def test_an_agent_is_never_newer_than_its_servers_nor_far_behind() -> None:
    named = {host: {"k3s_common_version": "v1.34.2+k3s1"} for host in SERVERS}
    for version in ("v1.34.3+k3s1", "v1.35.0+k3s1", "v1.30.14+k3s1"):
        [fault] = faults({**named, "agent-1": {"k3s_common_version": version}})
        assert fault.startswith(f"k3s_common_version: is {version} on agent agent-1 and v1.34.2+k3s1 on the servers. ")
        assert "never newer than its servers, and at most 3 minor versions older" in fault
    for version in ("v1.34.1+k3s1", "v1.31.0+k3s1", "latest"):
        assert faults({**named, "agent-1": {"k3s_common_version": version}}) == []


def test_the_order_of_components_is_no_difference() -> None:
    told = {host: {"k3s_common_disable": ["traefik", "servicelb"]} for host in SERVERS}
    assert faults({**told, "server-2": {"k3s_common_disable": ["servicelb", "traefik"]}}) == []


@pytest.mark.parametrize(
    "labels", [{"topology.kubernetes.io/zone": "ap-northeast-2a", "disk": "", "rank": 1, "a.b_c": "X-1"}, {}, "text"]
)
def test_labels_that_kubernetes_takes(labels: Any) -> None:
    assert faults(of_all(server_node_labels=labels)) == []


def test_a_large_cluster_fits_into_the_default() -> None:
    assert faults({}, agents=[f"agent-{number}" for number in range(250)]) == []


def test_every_option_that_is_read_exists() -> None:
    assert set(READ) <= set(CATALOGUE.options())
