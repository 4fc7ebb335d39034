"""What the modules of amazon.aws do not do for objects that stages share: add without taking away, and remove one dead route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import Json
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.routes import ANYWHERE, default_route

# Option of the module -> (what boto3 adds it by, where boto3 lists it)
MEMBERS: Mapping[str, tuple[str, str]] = {
    "route_table_ids": ("AddRouteTableIds", "RouteTableIds"),
    "subnet_ids": ("AddSubnetIds", "SubnetIds"),
    "security_group_ids": ("AddSecurityGroupIds", "Groups"),
}


def lacking(endpoint: Json, wanted: Mapping[str, Any]) -> dict[str, list[str]]:
    """Name what is to be added to an endpoint, by option."""
    found: dict[str, list[str]] = {}
    for option, (_add, key) in MEMBERS.items():
        there = {item["GroupId"] if isinstance(item, Mapping) else item for item in endpoint.get(key, [])}
        missing = sorted(set(wanted.get(option) or []) - there - {""})
        if missing:
            found[option] = missing
    return found


def moves(wanted: Mapping[str, Sequence[str]], tables: Sequence[Json]) -> list[tuple[str, Json]]:
    """List the calls that bind subnets to tables; one that is bound elsewhere is never without a table meanwhile."""
    bound = {
        entry["SubnetId"]: (table["RouteTableId"], entry["RouteTableAssociationId"])
        for table in tables
        for entry in table.get("Associations", [])
        if entry.get("SubnetId")
    }
    calls: list[tuple[str, Json]] = []
    for table_id, subnets in wanted.items():
        for subnet in subnets:
            now, association = bound.get(subnet, ("", ""))
            if not now:
                calls.append(("associate_route_table", {"RouteTableId": table_id, "SubnetId": subnet}))
            elif now != table_id:
                move = {"RouteTableId": table_id, "AssociationId": association}
                calls.append(("replace_route_table_association", move))
    return calls


def plan(
    tables: Sequence[Json], endpoints: Sequence[Json], wanted: Sequence[Mapping[str, Any]]
) -> list[tuple[str, Json]]:
    """List the calls: name of the operation and its arguments."""
    calls: list[tuple[str, Json]] = [
        ("delete_route", {"RouteTableId": table["RouteTableId"], "DestinationCidrBlock": ANYWHERE})
        for table in tables
        if default_route(table).get("State") == "blackhole"
    ]
    by_id = {endpoint["VpcEndpointId"]: endpoint for endpoint in endpoints}
    for wish in wanted:
        more = lacking(by_id[wish["id"]], wish)
        if more:
            added = {MEMBERS[option][0]: ids for option, ids in more.items()}
            calls.append(("modify_vpc_endpoint", {"VpcEndpointId": wish["id"], **added}))
    return calls
