"""What stages share stays as it stands: zones, ranges, gateways, and the endpoints' members."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.groups import desired_groups, plan_groups
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import Json, shared_tags
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.network import (
    ENDPOINT_SERVICES,
    NetworkSpec,
    NetworkState,
    desired_network,
)
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.network_plan import plan_network
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.subnets import carve

from .conftest import Run

REGION, CIDR = "eu-west-1", "10.0.0.0/16"
ZONES = [f"{REGION}{letter}" for letter in "bcde"]


def spec(**more: Any) -> NetworkSpec:
    return NetworkSpec(**{"project": "t", "stage": "k3s", "region": REGION, "cidr": CIDR, **more})


def tags(what: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in shared_tags("t", what).items()]


def standing(zones: list[str]) -> list[Json]:
    return [
        {
            "SubnetId": f"subnet-{piece['what']}",
            "CidrBlock": piece["cidr"],
            "AvailabilityZone": piece["zone"],
            "MapPublicIpOnLaunch": piece["tier"] == "public",
            "Tags": tags(piece["what"]),
        }
        for piece in carve(CIDR, zones)
    ]


def state(**more: Any) -> NetworkState:
    made: dict[str, Any] = {
        "zones": ZONES,
        "vpcs": [{"VpcId": "vpc-1", "CidrBlock": CIDR, "Tags": tags("vpc")}],
        "subnets": standing(ZONES[:3]),
    }
    return NetworkState(**{**made, **more})


def places(found: NetworkState, **more: Any) -> dict[str, tuple[str, str]]:
    return {s["what"]: (s["zone"], s["id"] or s["cidr"]) for s in desired_network(spec(**more), found)["subnets"]}


STOOD = {s["Tags"][2]["Value"][2:]: (s["AvailabilityZone"], s["SubnetId"]) for s in standing(ZONES[:3])}


@pytest.mark.parametrize(
    "more",
    [
        {"impaired": ZONES[:1]},
        {"zones": [f"{REGION}a", *ZONES]},  # one more, which sorts first
        {"zones": ZONES[1:]},
    ],
)
def test_subnets_stay_where_they_are(more: dict[str, Any]) -> None:
    assert places(state()) == STOOD
    assert places(state(**more)) == STOOD


def test_an_impaired_zone_gets_no_new_subnet() -> None:
    found = places(NetworkState(zones=ZONES, impaired=ZONES[:1]))
    assert {zone for zone, _id in found.values()} == set(ZONES[1:])


def test_a_further_zone_takes_ranges_that_are_free_and_the_order_of_zones_does_not_matter() -> None:
    found = places(state(), zones=[ZONES[3], ZONES[2], ZONES[0], ZONES[1]])
    assert {what: place for what, place in found.items() if what in STOOD} == STOOD
    assert found["private-e"] == (ZONES[3], "10.0.160.0/19")
    assert found["public-e"] == (ZONES[3], "10.0.24.0/21")


def test_a_partly_made_network_is_filled_up() -> None:
    found = places(state(subnets=[standing(ZONES[:3])[0]]))
    assert found["public-b"] == STOOD["public-b"]
    assert len(found) == 6


def nat(zone: str) -> Json:
    return {"NatGatewayId": f"nat-{zone}", "State": "available", "SubnetId": f"subnet-public-{zone}"}


def table(what: str, subnets: list[str], way: str = "") -> Json:
    routes = [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": way, "State": "active"}] if way else []
    bound = [{"SubnetId": f"subnet-{name}"} for name in subnets]
    return {"RouteTableId": f"rtb-{what}", "Tags": tags(what), "Associations": bound, "Routes": routes}


ENDPOINT = {"VpcEndpointId": "vpce-s3", "ServiceName": f"com.amazonaws.{REGION}.s3", "State": "available"}
SHARED = [table("private", ["private-b", "private-c", "private-d"], "nat-c")]
APART = [table(f"private-{zone}", [f"private-{zone}"], f"nat-{zone}") for zone in "bcd"]


def test_gateways_in_each_zone_are_switched_on_by_the_next_run() -> None:
    found = state(
        nat_gateways=[nat("c")],
        route_tables=[*SHARED, *APART[:1]],
        endpoints=[{**ENDPOINT, "RouteTableIds": ["rtb-private"]}],
    )
    desired = desired_network(spec(nat_per_zone=True), found)
    assert [one["id"] for one in desired["nat_gateways"]] == ["", "nat-c", ""]
    assert desired["endpoints"][0]["lacking"] == {"id": "vpce-s3", "route_table_ids": ["rtb-private-b"]}
    drift = {entry.object: entry.desired for entry in plan_network(spec(nat_per_zone=True), found, desired)}
    assert drift[f"endpoint com.amazonaws.{REGION}.s3"] == "with rtb-private-b"


def test_a_stage_that_wants_fewer_gateways_leaves_those_of_the_others() -> None:
    found = state(nat_gateways=[nat(zone) for zone in "bcd"], route_tables=APART)
    for more in ({}, {"nat_per_zone": True}):
        desired = desired_network(spec(**more), found)
        assert [one["target"] for one in desired["route_tables"][1:]] == ["nat-b", "nat-c", "nat-d"]
        assert [one["id"] for one in desired["route_tables"][1:]] == ["rtb-private-b", "rtb-private-c", "rtb-private-d"]
    kept = desired_network(spec(egress="endpoints"), found)["route_tables"][1:]
    assert [(one["target"], one["kept"]) for one in kept] == [("", "nat-b"), ("", "nat-c"), ("", "nat-d")]


def test_the_one_gateway_is_the_one_that_lives() -> None:
    desired = desired_network(spec(), state(nat_gateways=[nat("c")], route_tables=SHARED))
    assert [one["id"] for one in desired["nat_gateways"]] == ["nat-c"]
    assert desired["route_tables"][1]["target"] == "nat-c"


def group(stage: str) -> Json:
    return {"GroupName": f"t-{stage}-hosts", "GroupId": f"sg-{stage}"}


def test_the_group_of_the_endpoints_lets_in_each_stage_beside_the_others() -> None:
    there = {
        "GroupName": "t-endpoints",
        "GroupId": "sg-endpoints",
        "Tags": tags("endpoints"),
        "IpPermissions": [
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "UserIdGroupPairs": [{"GroupId": "sg-single"}],
                "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
            }
        ],
    }
    found = [group("k3s"), group("single"), there]
    # The private names of the endpoints hold for a stage with NAT in the same VPC too.
    wanted = next(one for one in desired_groups(spec(), found, interfaces=True) if one["what"] == "endpoints")
    assert wanted["name"] == "t-endpoints"
    assert "Stage" not in wanted["tags"]
    sources = [rule.get("group_name") or rule.get("group_id") for rule in wanted["rules"]]
    assert sources == ["t-k3s-hosts", "sg-single"]
    (drift,) = plan_groups([wanted], found)
    assert "0.0.0.0/0" in drift.current
    assert "sg-k3s" in drift.desired
    assert "sg-single" not in drift.current


def test_an_endpoint_that_wears_another_group_or_lacks_a_subnet_is_drift() -> None:
    service = f"com.amazonaws.{REGION}.{ENDPOINT_SERVICES[0]}"
    endpoint = {
        "VpcEndpointId": "vpce-1",
        "ServiceName": service,
        "State": "available",
        "SubnetIds": ["subnet-private-b", "subnet-private-c"],
        "Groups": [{"GroupId": "sg-old"}],
    }
    desired = desired_network(spec(egress="endpoints"), state(endpoints=[endpoint]), "sg-endpoints")
    found = next(one for one in desired["endpoints"] if one["service"] == service)
    assert found["lacking"] == {
        "id": "vpce-1",
        "subnet_ids": ["subnet-private-d"],
        "security_group_ids": ["sg-endpoints"],
    }


def test_members_are_added_to_an_endpoint_and_none_is_taken_away(ec2: Any, run: Run) -> None:
    vpc = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    first, second = (ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in "12")
    service = "com.amazonaws.ap-northeast-2.s3"
    made = ec2.create_vpc_endpoint(VpcId=vpc, VpcEndpointType="Gateway", ServiceName=service, RouteTableIds=[first])[
        "VpcEndpoint"
    ]["VpcEndpointId"]

    def add(*, check: bool = False) -> bool:
        wish = {"id": made, "route_table_ids": [second]}
        changed: bool = run("tiketi.platform.vpc_adjustment", check=check, endpoints=[wish])["changed"]
        return changed

    assert add(check=True)
    assert add()
    assert not add()
    found = ec2.describe_vpc_endpoints(VpcEndpointIds=[made])["VpcEndpoints"][0]
    assert sorted(found["RouteTableIds"]) == sorted([first, second])
