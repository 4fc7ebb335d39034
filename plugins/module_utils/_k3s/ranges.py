"""Whether the ranges of pods and services are large enough, and of one kind. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

# What the controller manager gives each node of the range of the pods, unless it is told otherwise.
NODE_BITS = {4: 24, 6: 64}
# K3s gives CoreDNS the eleventh address; and the API server takes at most 20 bits of addresses.
SERVICES_LEAST = 16
SERVICES_BITS = 20
PODS, SERVICES = "k3s_common_cluster_cidr", "k3s_common_service_cidr"


def faults(cluster_cidr: str, service_cidr: str, nodes: int) -> Iterator[tuple[str, str, str]]:
    """Yield variable, fault and mend; what is no network at all is for others to say."""
    pods, services = _network(cluster_cidr), _network(service_cidr)
    if pods and services and pods.version != services.version:
        what = f"{pods} is of IPv{pods.version} and {services} of IPv{services.version}"
        yield f"{PODS}, {SERVICES}", what, "give both ranges of one kind"
    if pods:
        share = NODE_BITS[pods.version]
        room = 2 ** (share - pods.prefixlen) if pods.prefixlen <= share else 0
        if room < nodes:
            bits = share - max(nodes - 1, 0).bit_length()
            what = f"{pods} has room for {room} nodes of a /{share} each, and there are {nodes}"
            yield PODS, what, f"take a range of /{bits} or larger, such as the default 10.42.0.0/16"
    if services and not SERVICES_LEAST <= services.num_addresses <= 2**SERVICES_BITS:
        low, high = services.max_prefixlen - SERVICES_BITS, services.max_prefixlen - 4
        what = f"{services} is a /{services.prefixlen}"
        yield SERVICES, what, f"take a range from /{low} to /{high}, such as the default 10.43.0.0/16"


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text) if "/" in text else None
    except ValueError:
        return None
