"""The network: what is desired, and that each object that is not as desired is seen."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._foundation import look
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.errors import FoundationError
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.groups import desired_groups, plan_groups
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import shared_tags
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.network import (
    ENDPOINT_SERVICES,
    NetworkSpec,
    NetworkState,
    desired_network,
)
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.subnets import carve

REGION = "ap-northeast-2"
ZONES = ["ap-northeast-2a", "ap-northeast-2b", "ap-northeast-2c", "ap-northeast-2d"]
CIDR = "10.0.0.0/16"


def spec(**more: Any) -> NetworkSpec:
    return NetworkSpec(**{"project": "t", "stage": "k3s", "region": REGION, "cidr": CIDR, **more})


def test_subnets_lie_in_the_vpc_and_do_not_overlap() -> None:
    pieces = [ip_network(piece["cidr"]) for piece in carve(CIDR, ZONES)]
    assert len(pieces) == 8
    assert all(piece.subnet_of(ip_network(CIDR)) for piece in pieces)
    assert not any(a.overlaps(b) for i, a in enumerate(pieces) for b in pieces[i + 1 :])


@pytest.mark.parametrize(
    ("state", "more", "text"),
    [
        (NetworkState(zones=ZONES), {"zones": ["us-east-1a"]}, "us-east-1a"),
        (NetworkState(zones=ZONES[:1]), {}, "at least two"),
        (NetworkState(zones=ZONES), {"cidr": "10.0.0.0/24"}, "too small"),
        (NetworkState(zones=ZONES, vpcs=[{"VpcId": "vpc-1"}, {"VpcId": "vpc-2"}]), {}, "vpc-1, vpc-2"),
        (NetworkState(zones=ZONES, vpcs=[{"VpcId": "vpc-1", "CidrBlock": "10.9.0.0/16"}]), {}, "10.9.0.0/16"),
        (
            NetworkState(
                zones=ZONES,
                vpcs=[{"VpcId": "vpc-1", "CidrBlock": CIDR}],
                subnets=[{"SubnetId": "subnet-9", "CidrBlock": "10.0.1.0/24"}],
            ),
            {},
            "subnet-9",
        ),
    ],
)
def test_what_must_not_be_mended_by_itself_is_refused(state: NetworkState, more: dict[str, Any], text: str) -> None:
    with pytest.raises(FoundationError, match=text) as caught:
        desired_network(spec(**more), state)
    assert caught.value.mend


@pytest.mark.parametrize(
    ("more", "nats", "tables", "endpoints"),
    [
        ({}, 1, 2, 1),
        ({"nat_per_zone": True}, 3, 4, 1),
        ({"egress": "none"}, 0, 2, 1),
        ({"egress": "endpoints"}, 0, 2, 1 + len(ENDPOINT_SERVICES)),
    ],
)
def test_the_way_out_is_a_choice(more: dict[str, Any], nats: int, tables: int, endpoints: int) -> None:
    desired = desired_network(spec(**more), NetworkState(zones=ZONES))
    assert (len(desired["nat_gateways"]), len(desired["route_tables"])) == (nats, tables)
    assert len(desired["endpoints"]) == endpoints


def test_stores_are_reached_by_reference_only_and_nothing_is_open_by_default() -> None:
    groups = {group["what"]: group for group in desired_groups(spec())}
    assert not any("cidr_ip" in rule for group in groups.values() for rule in group["rules"])
    for what, port in (("aurora", 5432), ("redis", 6379)):
        assert [(rule["ports"], rule["group_name"]) for rule in groups[what]["rules"]] == [
            ([port], "t-k3s-hosts"),
            ([port], "t-store-clients"),
        ]


def test_a_foreign_rule_is_drift() -> None:
    desired = desired_groups(spec())
    found = [_found(group) for group in desired]
    assert plan_groups(desired, found) == []
    next(one for one in found if one["GroupName"] == "t-k3s-aurora")["IpPermissions"].append(
        {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    )
    assert ["0.0.0.0/0" in drift.current for drift in plan_groups(desired, found)] == [True]


def _found(group: dict[str, Any]) -> dict[str, Any]:
    permissions = [
        {
            "IpProtocol": "-1" if rule["proto"] == "all" else rule["proto"],
            **({"FromPort": rule["ports"][0], "ToPort": rule["ports"][0]} if "ports" in rule else {}),
            "UserIdGroupPairs": [{"GroupId": f"sg-{rule['group_name']}"}],
        }
        for rule in group["rules"]
    ]
    tags = [{"Key": key, "Value": value} for key, value in group["tags"].items()]
    return {"GroupName": group["name"], "GroupId": f"sg-{group['name']}", "IpPermissions": permissions, "Tags": tags}


def _look(ec2: Any) -> dict[str, Any]:
    return look.look_at_network(ec2, REGION, {"project": "t", "stage": "k3s", "cidr": CIDR})


def _tag(ec2: Any, resource: str, tags: dict[str, str]) -> None:
    ec2.create_tags(Resources=[resource], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])


def _build(ec2: Any) -> dict[str, Any]:
    """Make by hand what the role makes, so that its look is judged by another hand."""
    desired = _look(ec2)["desired"]
    vpc = ec2.create_vpc(CidrBlock=CIDR)["Vpc"]["VpcId"]
    _tag(ec2, vpc, desired["vpc"]["tags"])
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    subnets = {}
    for subnet in desired["subnets"]:
        made = ec2.create_subnet(VpcId=vpc, CidrBlock=subnet["cidr"], AvailabilityZone=subnet["zone"])["Subnet"]
        subnets[subnet["what"]] = made["SubnetId"]
        _tag(ec2, made["SubnetId"], subnet["tags"])
        ec2.modify_subnet_attribute(
            SubnetId=made["SubnetId"], MapPublicIpOnLaunch={"Value": subnet["tier"] == "public"}
        )
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    _tag(ec2, gateway, desired["internet_gateway"]["tags"])
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets["public-a"], AllocationId=address)["NatGateway"]["NatGatewayId"]
    tables = []
    for table in desired["route_tables"]:
        made = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        tables.append(made)
        _tag(ec2, made, table["tags"])
        for what in table["subnets"]:
            ec2.associate_route_table(RouteTableId=made, SubnetId=subnets[what])
        target = {"GatewayId": gateway} if table["gateway"] else {"NatGatewayId": nat}
        ec2.create_route(RouteTableId=made, DestinationCidrBlock="0.0.0.0/0", **target)
    ec2.create_vpc_endpoint(
        VpcId=vpc, VpcEndpointType="Gateway", ServiceName=f"com.amazonaws.{REGION}.s3", RouteTableIds=tables
    )
    for group in desired["security_groups"]:
        made = ec2.create_security_group(GroupName=group["name"], Description="x", VpcId=vpc)["GroupId"]
        _tag(ec2, made, group["tags"])
        ids = _look(ec2)["facts"]["security_groups"]
        if group["what"] == "store_clients":
            continue
        port = {"aurora": 5432, "redis": 6379}.get(group["what"])
        rule: dict[str, Any] = {"IpProtocol": "tcp" if port else "-1", "UserIdGroupPairs": [{"GroupId": ids["hosts"]}]}
        if port:
            rule["UserIdGroupPairs"].append({"GroupId": ids["store_clients"]})
        rule |= {"FromPort": port, "ToPort": port} if port else {}
        ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[rule])
    return {"vpc": vpc, "subnets": subnets, "nat": nat, "tables": tables, "gateway": gateway}


def test_an_empty_account_lacks_everything(ec2: Any) -> None:
    result = _look(ec2)
    objects = " ".join(entry["object"] for entry in result["drift"])
    for what in ("VPC", "subnet", "NAT", "route table", "internet gateway", "endpoint", "security group"):
        assert what in objects
    assert result["facts"]["vpc_id"] == ""


def test_a_complete_network_has_no_drift_and_gives_the_facts(ec2: Any) -> None:
    made = _build(ec2)
    result = _look(ec2)
    assert result["drift"] == []
    facts = result["facts"]
    assert facts["vpc_id"] == made["vpc"]
    assert len(facts["public_subnet_ids"]) == len(facts["private_subnet_ids"]) == 3
    assert sorted(facts["security_groups"]) == ["aurora", "hosts", "redis", "store_clients"]
    assert all(facts["security_groups"].values())


@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        (lambda ec2, m: ec2.delete_nat_gateway(NatGatewayId=m["nat"]), "NAT gateway"),
        (lambda ec2, m: ec2.delete_route(RouteTableId=m["tables"][1], DestinationCidrBlock="0.0.0.0/0"), "route table"),
        (lambda ec2, m: ec2.delete_tags(Resources=[m["vpc"]], Tags=[{"Key": "ManagedBy"}]), "VPC"),
        (lambda ec2, m: ec2.modify_vpc_attribute(VpcId=m["vpc"], EnableDnsHostnames={"Value": False}), "VPC"),
        (
            lambda ec2, m: ec2.modify_subnet_attribute(
                SubnetId=m["subnets"]["private-b"], MapPublicIpOnLaunch={"Value": True}
            ),
            "subnet",
        ),
        (lambda ec2, m: _tag(ec2, m["gateway"], {"Name": "x"}), "internet gateway"),
        (
            lambda ec2, m: ec2.delete_vpc_endpoints(
                VpcEndpointIds=[ec2.describe_vpc_endpoints()["VpcEndpoints"][0]["VpcEndpointId"]]
            ),
            "endpoint",
        ),
    ],
)
def test_what_others_spoil_is_seen(ec2: Any, spoil: Any, seen: str) -> None:
    made = _build(ec2)
    spoil(ec2, made)
    assert any(entry["object"].startswith(seen) for entry in _look(ec2)["drift"])


def test_shared_objects_carry_no_stage() -> None:
    assert shared_tags("t", "vpc") == {"Project": "t", "ManagedBy": "tiketi.platform", "Name": "t-vpc"}
