"""The network of a project: what is desired, and what of it is not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._foundation.adjust import lacking
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.errors import FoundationError
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import (
    Json,
    named,
    shared_tags,
)
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.routes import desired_tables, divided
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.subnets import carve, chosen_zones, own

ENDPOINT_SERVICES = ("ecr.api", "ecr.dkr", "ec2messages", "logs", "secretsmanager", "ssm", "ssmmessages", "sts")


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
    edge_port: int = 0  # that CloudFront reaches on the hosts; 0 for none
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

    zones: Sequence[str]  # all that the region offers to the account
    impaired: Sequence[str] = ()  # those of them in which nothing new is to be made
    vpcs: Sequence[Json] = ()
    attributes: dict[str, bool] = field(default_factory=dict)
    subnets: Sequence[Json] = ()
    internet_gateways: Sequence[Json] = ()
    nat_gateways: Sequence[Json] = ()
    route_tables: Sequence[Json] = ()
    endpoints: Sequence[Json] = ()


def desired_network(spec: NetworkSpec, state: NetworkState, endpoint_group: str = "") -> Json:
    """Name every object the network shall consist of, with its id where it exists."""
    project = spec.project
    vpc = find_vpc(spec, state)
    standing = own(project, state.subnets)
    homes = [subnet["AvailabilityZone"] for subnet in standing]
    zones = chosen_zones(spec.zones, state.zones, state.impaired, homes, spec.region)
    subnets: list[Json] = []
    for piece in carve(spec.cidr, zones, standing, project):
        found = _subnet(project, piece, state.subnets)
        subnets.append({**piece, "tags": shared_tags(project, piece["what"]), "id": _id(found, "SubnetId")})
    per_zone = (spec.egress == "nat" and spec.nat_per_zone) or divided(project, subnets, state.route_tables)
    nats = _nats(spec, zones, subnets, state.nat_gateways, per_zone)
    gateway = _id(next(iter(state.internet_gateways), None), "InternetGatewayId")
    tables = desired_tables(project, subnets, gateway, nats, per_zone, state.route_tables)
    return {
        "vpc": {"id": _id(vpc, "VpcId"), "tags": shared_tags(project, "vpc")},
        "subnets": subnets,
        "internet_gateway": {"id": gateway, "tags": shared_tags(project, "internet")},
        "nat_gateways": nats,
        "route_tables": tables,
        "endpoints": desired_endpoints(spec, subnets, tables, state, endpoint_group),
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


def _nats(
    spec: NetworkSpec, zones: Sequence[str], subnets: Sequence[Json], found: Sequence[Json], per_zone: bool
) -> list[Json]:
    """Describe the NAT gateways; one that lives is taken before another is made."""
    if spec.egress != "nat":
        return []
    every = [_nat(spec.project, zone, subnets, found) for zone in zones]
    if spec.nat_per_zone:
        return every
    alive = [nat for nat in every if nat["id"]] or every
    return alive if per_zone and alive is not every else alive[:1]


def _nat(project: str, zone: str, subnets: Sequence[Json], found: Sequence[Json]) -> Json:
    tags = shared_tags(project, f"nat-{zone[-1]}")
    home = next(s for s in subnets if s["tier"] == "public" and s["zone"] == zone)
    alive = [nat for nat in found if nat["State"] in ("pending", "available") and nat["SubnetId"] == home["id"]]
    return {"zone": zone, "subnet": home["what"], "tags": tags, "id": alive[0]["NatGatewayId"] if alive else ""}


def living(service: str, state: NetworkState) -> Json | None:
    alive = (e for e in state.endpoints if e["State"].lower() in ("available", "pending"))
    return next((e for e in alive if e["ServiceName"] == service), None)


def interfaces_there(spec: NetworkSpec, state: NetworkState) -> bool:
    """Whether a stage of the VPC uses interface endpoints: their private names lead the hosts of every stage to them."""
    return any(living(f"com.amazonaws.{spec.region}.{service}", state) for service in ENDPOINT_SERVICES)


def desired_endpoints(
    spec: NetworkSpec, subnets: Sequence[Json], tables: Sequence[Json], state: NetworkState, group: str
) -> list[Json]:
    """Describe each endpoint, its members and which of them one that exists lacks."""
    services = [("Gateway", "s3")]
    if spec.egress == "endpoints":
        services += [("Interface", service) for service in ENDPOINT_SERVICES]
    gateway = {"route_table_ids": [table["id"] for table in tables]}
    private = [subnet["id"] for subnet in subnets if subnet["tier"] == "private"]
    interface = {"subnet_ids": private, "security_group_ids": [group]}
    result: list[Json] = []
    for kind, service in services:
        name = f"com.amazonaws.{spec.region}.{service}"
        members, current = gateway if kind == "Gateway" else interface, living(name, state)
        more = lacking(current, members) if current else {}
        result.append(
            {
                "kind": kind,
                "service": name,
                "tags": shared_tags(spec.project, f"endpoint-{service.replace('.', '-')}"),
                "id": _id(current, "VpcEndpointId"),
                "members": members,
                "lacking": {"id": _id(current, "VpcEndpointId"), **more} if more else {},
            }
        )
    return result


def facts_of(desired: Json, spec: NetworkSpec, groups: dict[str, Any]) -> Json:
    """Return the fact `network_facts` of docs/contracts.md."""
    return {
        "vpc_id": desired["vpc"]["id"],
        "vpc_cidr": spec.cidr,
        "public_subnet_ids": [s["id"] for s in desired["subnets"] if s["tier"] == "public"],
        "private_subnet_ids": [s["id"] for s in desired["subnets"] if s["tier"] == "private"],
        "security_groups": groups,
    }
