"""Zones and subnets: what stands keeps its zone and its range, whatever AWS offers today."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, ip_network

from ansible_collections.tiketi.platform.plugins.module_utils._foundation.errors import FoundationError
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import Json, named, tags_of

TIERS = ("public", "private")
USUAL = 3


def own(project: str, subnets: Sequence[Json]) -> list[Json]:
    """Return the subnets that this project made or adopted, in the order of their ranges."""
    names = {f"{project}-{tier}" for tier in TIERS}
    found = [
        subnet
        for subnet in subnets
        if tags_of(subnet).get("Name") in {f"{name}-{subnet.get('AvailabilityZone', '')[-1:]}" for name in names}
    ]
    return sorted(found, key=lambda subnet: ip_network(subnet["CidrBlock"]))


def chosen_zones(
    wanted: Sequence[str], offered: Sequence[str], impaired: Sequence[str], standing: Sequence[str], region: str
) -> list[str]:
    """Return the wanted zones; by default those that have subnets, filled up to three with sound ones on offer.

    So neither a zone that is impaired today nor one that the region gains moves a subnet.
    """
    unknown = sorted(set(wanted) - set(offered) - set(standing))
    if unknown:
        raise FoundationError(
            f"network_zones names {', '.join(unknown)}, which {region} does not offer to this account.",
            f"choose from {', '.join(sorted(offered))}.",
        )
    kept = list(dict.fromkeys(standing))
    fresh = [zone for zone in sorted(offered) if zone not in kept and zone not in impaired]
    zones = list(wanted) or [*kept, *fresh[: max(USUAL - len(kept), 0)]]
    if len(zones) < 2:
        raise FoundationError(
            f"Region {region} offers {len(zones)} zone(s); Aurora and ElastiCache need at least two.",
            "choose another platform_region.",
        )
    return zones


def carve(cidr: str, zones: Sequence[str], standing: Sequence[Json] = (), project: str = "") -> list[dict[str, str]]:
    """Cut the VPC into subnets; a standing one keeps its range, another takes the first that is free.

    The first quarter is for small public subnets, the rest for private ones
    eight times smaller than the VPC: nodes and, on EKS, pods take addresses there.
    """
    network = ip_network(cidr)
    assert isinstance(network, IPv4Network)
    if network.prefixlen > 20 or len(zones) > 6:
        raise FoundationError(
            f"network_cidr {cidr} over {len(zones)} zones leaves subnets that are too small.",
            "use a network of /16 to /20 and at most 6 zones.",
        )
    taken = [ip_network(subnet["CidrBlock"]) for subnet in standing]
    pools = {
        "public": list(network.subnets(prefixlen_diff=5))[:8],
        "private": list(network.subnets(prefixlen_diff=3))[2:],
    }
    pieces: list[dict[str, str]] = []
    for tier in TIERS:
        free = iter([piece for piece in pools[tier] if not any(piece.overlaps(other) for other in taken)])
        for zone in zones:
            what = f"{tier}-{zone[-1]}"
            current = named(standing, f"{project}-{what}")
            place = current["CidrBlock"] if current else next(free, None)
            if place is None:
                raise FoundationError(
                    f"network_cidr {cidr} has no room left for {project}-{what} in {zone}.",
                    "take fewer zones in network_zones, or remove subnets of zones that are not used any more.",
                )
            pieces.append({"tier": tier, "zone": zone, "what": what, "cidr": str(place)})
    return pieces
