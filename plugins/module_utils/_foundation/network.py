"""The network of a project: what is desired, and what of it is not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_network
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._foundation.errors import FoundationError
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import (
    Json,
    named,
    shared_tags,
)
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.routes import desired_tables

ENDPOINT_SERVICES = ("ecr.api", "ecr.dkr", "ec2messages", "logs", "secretsmanager", "ssm", "ssmmessages", "sts")
TIERS = ("public", "private")


@dataclass(frozen=True)
class NetworkSpec:
    """The inputs of the role network."""

    project: str
    stage: str
    region: str
    cidr: str
    zones: Sequence[str] = ()
    egress: str = "nat"
    nat_per_zone: bool = False
    admin_cidrs: Sequence[str] = ()
    web_cidrs: Sequence[str] = ()
    store_client_group_ids: Sequence[str] = ()
    store_client_stages: Sequence[str] = ()
    data_sources: bool = False
    data_stage: str = ""  # whose stores the hosts use; empty for those of this stage

    @property
    def own_stores(self) -> bool:
        return self.data_stage in ("", self.stage)


@dataclass(frozen=True)
class NetworkState:
    """What the account answered; lists as boto3 returns them."""

    zones: Sequence[str]
    vpcs: Sequence[Json] = ()
    attributes: dict[str, bool] = field(default_factory=dict)
    subnets: Sequence[Json] = ()
    internet_gateways: Sequence[Json] = ()
    nat_gateways: Sequence[Json] = ()
    route_tables: Sequence[Json] = ()
    endpoints: Sequence[Json] = ()


def carve(cidr: str, zones: Sequence[str]) -> list[dict[str, str]]:
    """Cut the VPC into subnets.

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
    public = list(network.subnets(prefixlen_diff=5))
    private = list(network.subnets(prefixlen_diff=3))[2:]
    pools = {"public": public, "private": private}
    return [
        {"tier": tier, "zone": zone, "what": f"{tier}-{zone[-1]}", "cidr": str(pools[tier][index])}
        for tier in TIERS
        for index, zone in enumerate(zones)
    ]


def chosen_zones(spec: NetworkSpec, offered: Sequence[str]) -> list[str]:
    """Return the wanted zones, by default the first three on offer."""
    unknown = sorted(set(spec.zones) - set(offered))
    if unknown:
        raise FoundationError(
            f"network_zones names {', '.join(unknown)}, which {spec.region} does not offer to this account.",
            f"choose from {', '.join(sorted(offered))}.",
        )
    zones = list(spec.zones) or sorted(offered)[:3]
    if len(zones) < 2:
        raise FoundationError(
            f"Region {spec.region} offers {len(zones)} zone(s); Aurora and ElastiCache need at least two.",
            "choose another platform_region.",
        )
    return zones


def desired_network(spec: NetworkSpec, state: NetworkState) -> Json:
    """Name every object the network shall consist of, with its id where it exists."""
    project = spec.project
    vpc = find_vpc(spec, state)
    zones = chosen_zones(spec, state.zones)
    subnets: list[Json] = []
    for piece in carve(spec.cidr, zones):
        found = _subnet(project, piece, state.subnets)
        subnets.append({**piece, "tags": shared_tags(project, piece["what"]), "id": _id(found, "SubnetId")})
    nat_zones = {"nat": zones if spec.nat_per_zone else zones[:1]}.get(spec.egress, [])
    nats = [_nat(project, zone, subnets, state.nat_gateways) for zone in nat_zones]
    gateway = next(iter(state.internet_gateways), None)
    return {
        "vpc": {"id": _id(vpc, "VpcId"), "tags": shared_tags(project, "vpc")},
        "subnets": subnets,
        "internet_gateway": {
            "id": _id(gateway, "InternetGatewayId"),
            "tags": shared_tags(project, "internet"),
        },
        "nat_gateways": nats,
        "route_tables": desired_tables(
            project, subnets, _id(gateway, "InternetGatewayId"), nats, len(nats) == len(zones), state.route_tables
        ),
        "endpoints": [{**e, "id": _id(living(e["service"], state), "VpcEndpointId")} for e in _endpoints(spec)],
    }


def find_vpc(spec: NetworkSpec, state: NetworkState) -> Json | None:
    """Return the VPC of the project; refuse to guess between two, or to change the range of one."""
    name = f"{spec.project}-vpc"
    if len(state.vpcs) > 1:
        ids = ", ".join(sorted(vpc["VpcId"] for vpc in state.vpcs))
        raise FoundationError(
            f"{len(state.vpcs)} VPCs are tagged Project={spec.project}, Name={name}: {ids}.",
            "remove the tags from all but the one to use.",
        )
    vpc = next(iter(state.vpcs), None)
    if vpc is None:
        return None
    ranges = [entry["CidrBlock"] for entry in vpc.get("CidrBlockAssociationSet", [])] or [vpc["CidrBlock"]]
    if spec.cidr not in ranges:
        raise FoundationError(
            f"network_cidr is {spec.cidr}, but VPC {vpc['VpcId']} ({name}) has {', '.join(ranges)}.",
            f"set network_cidr to {ranges[0]}; the range of a VPC cannot be changed.",
        )
    return vpc


def _id(found: Json | None, key: str) -> str:
    return str(found[key]) if found else ""


def _subnet(project: str, piece: dict[str, str], subnets: Sequence[Json]) -> Json | None:
    by_name = named(subnets, f"{project}-{piece['what']}")
    if by_name:
        return by_name
    for subnet in subnets:
        if subnet["CidrBlock"] == piece["cidr"]:
            return subnet
        if ip_network(subnet["CidrBlock"]).overlaps(ip_network(piece["cidr"])):
            raise FoundationError(
                f"Subnet {subnet['SubnetId']} ({subnet['CidrBlock']}) lies in the range {piece['cidr']} that "
                f"{project}-{piece['what']} needs.",
                "remove that subnet, or tag another VPC for this project.",
            )
    return None


def _nat(project: str, zone: str, subnets: Sequence[Json], found: Sequence[Json]) -> Json:
    tags = shared_tags(project, f"nat-{zone[-1]}")
    home = next(s for s in subnets if s["tier"] == "public" and s["zone"] == zone)
    alive = [nat for nat in found if nat["State"] in ("pending", "available") and nat["SubnetId"] == home["id"]]
    return {"zone": zone, "subnet": home["what"], "tags": tags, "id": alive[0]["NatGatewayId"] if alive else ""}


def living(service: str, state: NetworkState) -> Json | None:
    alive = (e for e in state.endpoints if e["State"].lower() in ("available", "pending"))
    return next((e for e in alive if e["ServiceName"] == service), None)


def _endpoints(spec: NetworkSpec) -> list[Json]:
    services = [("Gateway", "s3")]
    if spec.egress == "endpoints":
        services += [("Interface", service) for service in ENDPOINT_SERVICES]
    return [
        {
            "kind": kind,
            "service": f"com.amazonaws.{spec.region}.{service}",
            "tags": shared_tags(spec.project, f"endpoint-{service.replace('.', '-')}"),
        }
        for kind, service in services
    ]


def facts_of(desired: Json, spec: NetworkSpec, groups: dict[str, Any]) -> Json:
    """Return the fact `network_facts` of docs/contracts.md."""
    return {
        "vpc_id": desired["vpc"]["id"],
        "vpc_cidr": spec.cidr,
        "public_subnet_ids": [s["id"] for s in desired["subnets"] if s["tier"] == "public"],
        "private_subnet_ids": [s["id"] for s in desired["subnets"] if s["tier"] == "private"],
        "security_groups": groups,
    }
