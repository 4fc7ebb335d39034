"""The route tables of a project: whom they serve, and where their default route leads.

Only the default route is ours. A route to a peer, a VPN or a transit gateway was put there by others and stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import (
    Drift,
    Json,
    missing,
    named,
    shared_tags,
    tag_drift,
)

ANYWHERE = "0.0.0.0/0"
TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "InstanceId",
    "EgressOnlyInternetGatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)


def desired_tables(
    project: str, subnets: Sequence[Json], gateway: str, nats: Sequence[Json], per_zone: bool, found: Sequence[Json]
) -> list[Json]:
    """Describe each table, with the ids that it refers to as far as they exist."""
    public = [subnet for subnet in subnets if subnet["tier"] == "public"]
    private = [subnet for subnet in subnets if subnet["tier"] == "private"]
    tables = [_table(project, "public", public, [gateway], found) | {"gateway": "internet"}]
    if not per_zone:
        return [*tables, _table(project, "private", private, [nat["id"] for nat in nats[:1]], found)]
    for subnet in private:
        # The gateway of its own zone, else another one, where not every zone has one.
        near = [nat["id"] for nat in nats if nat["zone"] == subnet["zone"]] or [nat["id"] for nat in nats]
        ways = near[:1]
        tables.append(_table(project, subnet["what"], [subnet], ways, found))
    return tables


def _table(project: str, what: str, subnets: Sequence[Json], ways: Sequence[str], found: Sequence[Json]) -> Json:
    """`ways` is empty where no way out is wanted; the id in it is empty as long as it is not made."""
    tags = shared_tags(project, what)
    current = named(found, tags["Name"])
    route = default_route(current)
    alive = route.get("State", "active") == "active"
    return {
        "tags": tags,
        "subnets": [subnet["what"] for subnet in subnets],
        "subnet_ids": [subnet["id"] for subnet in subnets],
        "gateway": "",
        "id": str(current["RouteTableId"]) if current else "",
        "target": ways[0] if ways else "",
        # The stages of a project share the table: a way out that another stage made is not this one's to close.
        "kept": target_of(route) if alive and not ways else "",
        "dead": bool(route) and not alive and not ways,
    }


def divided(project: str, subnets: Sequence[Json], found: Sequence[Json]) -> bool:
    """Whether the private subnets have tables of their own already; a stage that wants fewer gateways leaves them."""
    for subnet in subnets:
        table = named(found, f"{project}-{subnet['what']}") if subnet["tier"] == "private" else None
        bound = {entry.get("SubnetId") for entry in (table or {}).get("Associations", [])}
        if subnet["id"] and subnet["id"] in bound:
            return True
    return False


def default_route(table: Json | None) -> Json:
    routes = (table or {}).get("Routes", [])
    return next((route for route in routes if route.get("DestinationCidrBlock") == ANYWHERE), {})


def target_of(route: Json) -> str:
    return next((str(route[key]) for key in TARGETS if route.get(key)), "")


def table_drift(table: Json, found: Sequence[Json]) -> list[Drift]:
    """Compare associations and the default route; what others added is theirs."""
    label = f"route table {table['tags']['Name']}"
    current = next((item for item in found if item["RouteTableId"] == table["id"]), None)
    if current is None:
        return [missing(label)]
    drift = tag_drift(label, current, table["tags"])
    associated = {entry.get("SubnetId") for entry in current.get("Associations", [])}
    unbound = set(table["subnet_ids"]) - associated
    if unbound:
        drift.append(Drift(label, "not associated", f"associated with {', '.join(sorted(unbound))}"))
    route = default_route(current)
    seen = target_of(route)
    if table["dead"] or (seen != table["target"] and not table["kept"]) or route.get("State", "active") != "active":
        wanted = table["target"] or "nothing"
        drift.append(Drift(label, f"default route to {seen or 'nothing'}", f"default route to {wanted}"))
    return drift


def kept_routes(tables: Sequence[Json], egress: str) -> list[str]:
    """Say which ways out stay although this stage wants none."""
    return [
        f"Route table {table['tags']['Name']} ({table['id']}) keeps its default route to {table['kept']}, though network_egress "
        f"is {egress}: another stage of the VPC may use it. To close it for all of them: "
        f"aws ec2 delete-route --route-table-id {table['id']} --destination-cidr-block {ANYWHERE}"
        for table in tables
        if table["kept"]
    ]
