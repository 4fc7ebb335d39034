"""Gap: a replication group is reached by an address, where AWS gives a name. HAProxy, for one, verifies no address in a certificate."""

from __future__ import annotations

import re
from typing import Any

from ministack.services import elasticache

Group = dict[str, Any]

CONTAINER = re.compile(r"ministack-elasticache-rg-\d+-[a-z]+-[a-z]+-\d-(.+)")
DOMAIN = "sandbox.cache.amazonaws.com"


def apply() -> None:
    plain_docker, plain_tls, plain_xml = elasticache._get_docker, elasticache._install_node_tls, elasticache._rg_xml

    def docker() -> Any:
        client = plain_docker()
        return Client(client) if client else client

    def install_tls(container: Any, name: str, address: str) -> None:
        plain_tls(container, endpoint_of(name) or name, address)

    def rg_xml(group: Group) -> str:
        return str(plain_xml(named(group)))

    elasticache._get_docker = docker
    elasticache._install_node_tls = install_tls
    elasticache._rg_xml = rg_xml


def endpoint(node: str) -> str:
    return f"master.{node}.{DOMAIN}"


def endpoint_of(container: str) -> str:
    """The name for the one node of a group, by the name of its container; empty for any other container."""
    match = CONTAINER.fullmatch(container)
    return endpoint(match[1]) if match else ""


def named(group: Group) -> Group:
    """The group with the names of its endpoints; one in cluster mode has more nodes, and stays as it is."""
    if group.get("ClusterEnabled"):
        return group
    nodes = []
    for node in group.get("NodeGroups", []):
        name = endpoint(f"{group['ReplicationGroupId']}-{node['NodeGroupId']}")
        ends = {key: {**node[key], "Address": name} for key in ("PrimaryEndpoint", "ReaderEndpoint") if node.get(key)}
        nodes.append({**node, **ends})
    return {**group, "NodeGroups": nodes}


class Client:
    """A Docker client that gives the node its name on the network."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    @property
    def containers(self) -> Containers:
        return Containers(self._plain.containers)


class Containers:
    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)

    def run(self, *arguments: Any, **options: Any) -> Any:
        name = endpoint_of(str(options.get("name", "")))
        if name and options.get("network"):
            options["networking_config"] = {options["network"]: {"Aliases": [name]}}
        return self._plain.run(*arguments, **options)
