"""What of a network is not as desired."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._foundation.errors import FoundationError
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import (
    Drift,
    Json,
    missing,
    named,
    tag_drift,
)
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.network import (
    NetworkSpec,
    NetworkState,
    find_vpc,
)
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.routes import table_drift


def plan_network(spec: NetworkSpec, state: NetworkState, desired: Json) -> list[Drift]:
    """List what is not as desired, in the order in which it is mended."""
    vpc = find_vpc(spec, state)
    if vpc is None:
        return [missing(f"VPC {desired['vpc']['tags']['Name']}", spec.cidr), *_all_missing(desired)]
    drift = tag_drift(f"VPC {vpc['VpcId']}", vpc, desired["vpc"]["tags"])
    drift += [
        Drift(f"VPC {vpc['VpcId']}", f"{name} off", f"{name} on") for name, on in state.attributes.items() if not on
    ]
    for subnet in desired["subnets"]:
        drift += _subnet_drift(subnet, state)
    gateway = named(state.internet_gateways, desired["internet_gateway"]["tags"]["Name"])
    if gateway is None:
        drift.append(missing(f"internet gateway {desired['internet_gateway']['tags']['Name']}"))
    else:
        drift += tag_drift(
            f"internet gateway {gateway['InternetGatewayId']}", gateway, desired["internet_gateway"]["tags"]
        )
    drift += [missing(f"NAT gateway {nat['tags']['Name']}") for nat in desired["nat_gateways"] if not nat["id"]]
    for table in desired["route_tables"]:
        drift += table_drift(table, state.route_tables)
    for endpoint in desired["endpoints"]:
        drift += _endpoint_drift(endpoint)
    return drift


def _all_missing(desired: Json) -> list[Drift]:
    kinds = (("subnet", "subnets"), ("NAT gateway", "nat_gateways"), ("route table", "route_tables"))
    found = [
        missing(f"{label} {item['tags']['Name']}", item.get("cidr", "present"))
        for label, key in kinds
        for item in desired[key]
    ]
    found.append(missing(f"internet gateway {desired['internet_gateway']['tags']['Name']}"))
    return found + [missing(f"endpoint {item['service']}") for item in desired["endpoints"]]


def _subnet_drift(subnet: Json, state: NetworkState) -> list[Drift]:
    name = subnet["tags"]["Name"]
    current = next((item for item in state.subnets if item["SubnetId"] == subnet["id"]), None)
    if current is None:
        return [missing(f"subnet {name}", f"{subnet['cidr']} in {subnet['zone']}")]
    if current["CidrBlock"] != subnet["cidr"] or current["AvailabilityZone"] != subnet["zone"]:
        raise FoundationError(
            f"Subnet {name} ({current['SubnetId']}) is {current['CidrBlock']} in {current['AvailabilityZone']}; "
            f"wanted {subnet['cidr']} in {subnet['zone']}.",
            f"give the tag Name={name} to a subnet in {subnet['zone']} only; a subnet cannot be moved.",
        )
    drift = tag_drift(f"subnet {current['SubnetId']}", current, subnet["tags"])
    public = subnet["tier"] == "public"
    if bool(current.get("MapPublicIpOnLaunch")) != public:
        drift.append(Drift(f"subnet {name}", f"public addresses {not public}", f"public addresses {public}"))
    return drift


def _endpoint_drift(endpoint: Json) -> list[Drift]:
    label = f"endpoint {endpoint['service']}"
    if not endpoint["id"]:
        return [missing(label)]
    ids = ", ".join(item for key, items in endpoint["lacking"].items() if key != "id" for item in items)
    return [Drift(label, "without", f"with {ids}")] if ids else []
