"""Routes of the shared tables: ours are mended, those of others stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import shared_tags
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.routes import (
    desired_tables,
    kept_routes,
    table_drift,
)

from .conftest import Run

SUBNETS = [
    {"tier": tier, "what": f"{tier}-{zone}", "zone": zone, "id": f"subnet-{tier}-{zone}"}
    for tier in ("public", "private")
    for zone in "ab"
]
NAT = {"zone": "a", "id": "nat-1"}
PEERING = {"DestinationCidrBlock": "10.8.0.0/16", "VpcPeeringConnectionId": "pcx-1", "State": "active"}
ROUTE_MODULE = "amazon.aws.ec2_vpc_route_table"


def default(state: str = "active", **target: str) -> dict[str, str]:
    return {"DestinationCidrBlock": "0.0.0.0/0", "State": state, **target}


def found(*routes: dict[str, str]) -> list[dict[str, Any]]:
    tags = [{"Key": key, "Value": value} for key, value in shared_tags("t", "private").items()]
    bound = [{"SubnetId": f"subnet-private-{zone}"} for zone in "ab"]
    return [{"RouteTableId": "rtb-1", "Tags": tags, "Associations": bound, "Routes": list(routes)}]


def private(tables: list[dict[str, Any]], *nats: dict[str, str]) -> dict[str, Any]:
    return desired_tables("t", SUBNETS, "igw-1", nats, False, tables)[1]


@pytest.mark.parametrize(
    ("tables", "nats", "wanted"),
    [
        (found(default(NatGatewayId="nat-1"), PEERING), [NAT], None),
        (found(PEERING), [NAT], "default route to nat-1"),
        (found(default(NatGatewayId="nat-9")), [NAT], "default route to nat-1"),
        (found(default(TransitGatewayId="tgw-1")), [NAT], "default route to nat-1"),
        (found(default("blackhole", NatGatewayId="nat-1")), [NAT], "default route to nat-1"),
        (found(default("blackhole", NatGatewayId="nat-1")), [], "default route to nothing"),
        (found(PEERING), [], None),
        # Another stage of the VPC goes out by it.
        (found(default(NatGatewayId="nat-1")), [], None),
        (found(default(TransitGatewayId="tgw-1")), [], None),
    ],
)
def test_only_our_default_route_is_compared_and_a_living_way_out_stays(
    tables: list[dict[str, Any]], nats: list[dict[str, str]], wanted: str | None
) -> None:
    drift = table_drift(private(tables, *nats), tables)
    assert [entry.desired for entry in drift] == ([wanted] if wanted else [])


def test_a_way_out_that_stays_is_said() -> None:
    said = kept_routes([private(found(default(NatGatewayId="nat-1")))], "endpoints")
    assert len(said) == 1
    assert "nat-1" in said[0]
    assert "aws ec2 delete-route --route-table-id rtb-1" in said[0]
    assert kept_routes([private(found(default(NatGatewayId="nat-1")), NAT)], "nat") == []


def tasks() -> list[dict[str, Any]]:
    files = [Path("roles/network/tasks") / name for name in ("slow.yml", "routes.yml")]
    return [task[ROUTE_MODULE] for path in files for task in yaml.safe_load(path.read_text()) if ROUTE_MODULE in task]


@pytest.mark.parametrize("task", tasks(), ids=["public", "private"])
def test_the_route_to_a_peer_and_foreign_subnets_survive_a_change_of_ours(
    ec2: Any, run: Run, task: dict[str, Any]
) -> None:
    vpc, peer = (ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"] for cidr in ("10.0.0.0/16", "10.8.0.0/16"))
    theirs = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer)["VpcPeeringConnection"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=theirs)
    ec2.create_route(
        RouteTableId=table,
        DestinationCidrBlock="10.8.0.0/16",
        VpcPeeringConnectionId=peering["VpcPeeringConnectionId"],
    )

    def change() -> dict[str, Any]:
        rendered = {
            "vpc_id": vpc,
            "lookup": "id",
            "route_table_id": table,
            "routes": [{"dest": "0.0.0.0/0", "gateway_id": gateway}],
            "tags": {"Name": "t-private"},
        }
        return run(ROUTE_MODULE, **{**task, **rendered})

    assert change()["changed"]
    after = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
    assert {"0.0.0.0/0", "10.8.0.0/16"} <= {route["DestinationCidrBlock"] for route in after["Routes"]}
    assert theirs in {entry.get("SubnetId") for entry in after["Associations"]}
    assert not change()["changed"]


def test_a_route_that_leads_nowhere_is_removed_alone(ec2: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.ec2.models.route_tables import Route  # noqa: PLC0415 - moto knows no dead route, so one is made so

    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    for cidr in ("0.0.0.0/0", "10.9.0.0/16"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock=cidr, GatewayId=gateway)

    def remove(*, check: bool = False) -> bool:
        changed: bool = run("tiketi.platform.vpc_adjustment", check=check, dead_default_routes=[table])["changed"]
        return changed

    assert not remove()  # it lives
    monkeypatch.setattr(Route, "state", property(lambda _route: "blackhole"))
    assert remove(check=True)
    assert remove()
    assert not remove()
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert [route["DestinationCidrBlock"] for route in routes] == ["10.0.0.0/16", "10.9.0.0/16"]


def test_a_subnet_moves_to_its_own_table_in_one_step_and_the_others_stay(ec2: Any, run: Run) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    moved, stays, fresh = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"] for number in range(3)
    )
    shared, own = (ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in "12")
    for subnet in (moved, stays):
        ec2.associate_route_table(RouteTableId=shared, SubnetId=subnet)

    def bind(*, check: bool = False) -> list[str]:
        result = run("tiketi.platform.vpc_adjustment", check=check, associations={own: [moved, fresh]})
        return [call["operation"] for call in result["calls"]]

    assert bind(check=True) == bind() == ["replace_route_table_association", "associate_route_table"]
    assert bind() == []
    tables = ec2.describe_route_tables(RouteTableIds=[shared, own])["RouteTables"]
    members = {t["RouteTableId"]: {a.get("SubnetId") for a in t["Associations"]} - {None} for t in tables}
    assert members == {shared: {stays}, own: {moved, fresh}}
