"""The nodes of a cluster together: their names, labels and ranges, and what the servers must have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._k3s import names, ranges, versions
from ansible_collections.tiketi.platform.plugins.module_utils._k3s.errors import K3sError
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault

SERVERS, AGENTS = "k3s_servers", "k3s_agents"
NAME, DISABLE = "k3s_common_node_name", "k3s_common_disable"
LABELS = {SERVERS: "k3s_server_node_labels", AGENTS: "k3s_agent_node_labels"}
# docs.k3s.io/cli/server, critical configuration values: a server with another one cannot join, or joins and behaves otherwise.
VERSION = "k3s_common_version"
KUBELET_BEHIND = 3
COMMON = (
    VERSION,
    "k3s_common_cluster_cidr",
    "k3s_common_service_cidr",
    DISABLE,
    "k3s_common_secrets_encryption",
)
READ = (NAME, *LABELS.values(), *COMMON)

Groups = Mapping[str, Sequence[str]]
Told = Mapping[str, Mapping[str, Any]]  # by host, what the user told it of READ


def check(groups: Groups, told: Told, defaults: Mapping[str, Any]) -> Iterator[Fault]:
    """Check all nodes; `defaults` are those of role k3s_common."""
    servers, agents = groups.get(SERVERS, []), groups.get(AGENTS, [])
    nodes = list(dict.fromkeys([*servers, *agents]))
    yield from _names(nodes, told)
    for group, option in LABELS.items():
        for host in groups.get(group, []):
            yield from _labels(option, told.get(host, {}).get(option))
    for host in servers:
        yield from _disable(told.get(host, {}).get(DISABLE))
    yield from _common(servers, told, defaults)
    yield from _agents(servers, agents, told, defaults)
    for host in servers[:1]:
        pods, services = (told.get(host, {}).get(name, defaults.get(name)) for name in (ranges.PODS, ranges.SERVICES))
        if isinstance(pods, str) and isinstance(services, str):
            yield from (Fault(*fault) for fault in ranges.faults(pods, services, len(nodes)))


def _names(nodes: Sequence[str], told: Told) -> Iterator[Fault]:
    hosts: dict[str, list[str]] = {}
    for host in nodes:
        name = told.get(host, {}).get(NAME, host)
        if not isinstance(name, str):
            continue  # the check of types has said it
        hosts.setdefault(name, []).append(host)
        if fault := names.node_fault(name):
            what, _, mend = fault.partition("; ")
            where = NAME if NAME in told.get(host, {}) else f"host {host}"
            yield Fault(where, what, f"{mend}; rename the host or set {NAME} for it")
    for name, of in hosts.items():
        if len(of) > 1:
            yield Fault(
                NAME, f"is {name} on {', '.join(of)}", "give each host a name of its own, or leave it to the inventory"
            )


def _labels(option: str, labels: Any) -> Iterator[Fault]:
    for key, what, mend in names.label_faults(labels if isinstance(labels, Mapping) else {}):
        yield Fault(f"{option}.{key}", what, mend)


def _disable(components: Any) -> Iterator[Fault]:
    if isinstance(components, Sequence) and not isinstance(components, str):
        for name, mend in names.disable_faults(components):
            yield Fault(DISABLE, f"has {name}, which is no packaged component of K3s", mend)


def _common(servers: Sequence[str], told: Told, defaults: Mapping[str, Any]) -> Iterator[Fault]:
    for name in COMMON:
        hosts: dict[str, list[str]] = {}
        for host in servers:
            hosts.setdefault(_shown(told.get(host, {}).get(name, defaults.get(name))), []).append(host)
        if len(hosts) > 1:
            yield Fault(
                name,
                "differs: " + "; ".join(f"{value} on {', '.join(of)}" for value, of in hosts.items()),
                "set it once, in group_vars/all.yml: the servers of a cluster have it in common",
            )


def _agents(servers: Sequence[str], agents: Sequence[str], told: Told, defaults: Mapping[str, Any]) -> Iterator[Fault]:
    """A kubelet may be up to three minor versions behind the API, and never before it (kubernetes.io/releases/version-skew-policy)."""

    def text(host: str) -> str:
        return str(told.get(host, {}).get(VERSION, defaults.get(VERSION)))

    def version(host: str) -> versions.Version | None:
        try:
            return versions.parse(text(host))
        except K3sError:
            return None  # the check of versions has said it

    of_servers = version(servers[0]) if servers else None
    hosts: dict[str, list[str]] = {}
    for host in agents:
        if of_servers and (own := version(host)):
            newer, behind = own > of_servers, of_servers.minor - own.minor
            if newer or own.major != of_servers.major or behind > KUBELET_BEHIND:
                hosts.setdefault(text(host), []).append(host)
    for own_version, of in hosts.items():
        yield Fault(
            VERSION,
            f"is {own_version} on agent {', '.join(of)} and {text(servers[0])} on the servers",
            "set it once, in group_vars/all.yml: an agent is never newer than its servers, and at most "
            f"{KUBELET_BEHIND} minor versions older",
        )


def _shown(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(sorted(map(str, value)))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
