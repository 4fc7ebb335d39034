"""The security groups of a stage: who may reach whom, by reference to groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import (
    Drift,
    Json,
    missing,
    shared_tags,
    stage_tags,
    tag_drift,
)
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.network import NetworkSpec

ALL = "-1"
SSH, HTTP, HTTPS, KUBERNETES_API, POSTGRES, REDIS = 22, 80, 443, 6443, 5432, 6379


def desired_groups(
    spec: NetworkSpec, found: Sequence[Json] = (), interfaces: bool = False, edge: str = ""
) -> list[Json]:
    """Return the groups with their rules in the form that amazon.aws.ec2_security_group takes.

    `interfaces` says that a stage of the VPC uses interface endpoints, whose private names hold for this one too.
    `edge` is the prefix list of CloudFront. AWS counts it as 55 of the 60 rules of a group, so it is in one rule, for one port.
    """
    hosts = stage_tags(spec.project, spec.stage, "hosts")["Name"]
    inside = [{"proto": "all", "group_name": hosts, "rule_desc": "hosts of the stage among themselves"}]
    admin = [_tcp([SSH, KUBERNETES_API], cidr, "administration") for cidr in spec.admin_cidrs]
    web = [_tcp([HTTP, HTTPS], cidr, "visitors") for cidr in spec.web_cidrs]
    if spec.edge_port and edge:
        web.append({"proto": "tcp", "ports": [spec.edge_port], "ip_prefix": edge, "rule_desc": "CloudFront"})
    moving = bool(spec.data_sources or spec.store_client_stages)
    # Shared by the stages of a project: a host can let in a database that another stage makes later.
    stores: Json = {"what": "stores", "tags": shared_tags(spec.project, "stores"), "rules": []}
    stores |= {"name": stores["tags"]["Name"], "description": "Data stores of the project"}
    followed = {"proto": "tcp", "ports": [POSTGRES], "group_name": stores["name"], "rule_desc": "databases that follow"}
    # Worn by the hosts of the stages that use another stage's stores, which let it in without knowing those stages.
    clients_group: Json = {"what": "store_clients", "tags": shared_tags(spec.project, "store-clients"), "rules": []}
    clients_group |= {
        "name": clients_group["tags"]["Name"],
        "description": "Hosts that use the data stores of another stage",
    }
    groups: list[Json] = [clients_group, *([stores] if moving else [])]
    hosts_rules = [*inside, *admin, *web, *([followed] if spec.data_sources else [])]
    groups.append(_group(spec, "hosts", "Hosts of the stage", hosts_rules))
    for what, port in (("aurora", POSTGRES), ("redis", REDIS)) if spec.own_stores else ():
        others = [stage_tags(spec.project, stage, "hosts")["Name"] for stage in spec.store_client_stages]
        clients: list[Json] = [{"group_name": name} for name in (hosts, clients_group["name"], *others)]
        clients += [{"group_id": i} for i in spec.store_client_group_ids]
        rules = [{"proto": "tcp", "ports": [port], **client, "rule_desc": "clients"} for client in clients]
        groups.append(_group(spec, what, f"{what} of the stage", rules))
    if spec.egress == "endpoints" or interfaces:
        groups.append(_endpoints_group(spec, hosts, found))
    return groups


def _endpoints_group(spec: NetworkSpec, hosts: str, found: Sequence[Json]) -> Json:
    """The endpoints are shared, so their group lets in the hosts of this stage beside those of the others."""
    tags = shared_tags(spec.project, "endpoints")
    current: Json = next((group for group in found if group["GroupName"] == tags["Name"]), {})
    ours = {group["GroupId"] for group in found if group["GroupName"] == hosts}
    others = {
        pair["GroupId"]
        for rule in current.get("IpPermissions", [])
        if (rule.get("FromPort"), rule.get("ToPort")) == (HTTPS, HTTPS)
        for pair in rule.get("UserIdGroupPairs", [])
    }
    clients: list[Json] = [{"group_name": hosts}, *({"group_id": group} for group in sorted(others - ours))]
    rules = [{"proto": "tcp", "ports": [HTTPS], **client, "rule_desc": "clients"} for client in clients]
    return {
        "what": "endpoints",
        "name": tags["Name"],
        "description": "Interface endpoints of the project",
        "rules": rules,
        "tags": tags,
    }


def plan_groups(desired: Sequence[Json], found: Sequence[Json]) -> list[Drift]:
    """Compare the groups and their rules."""
    ids = {group["GroupName"]: group["GroupId"] for group in found}
    drift: list[Drift] = []
    for group in desired:
        label = f"security group {group['name']}"
        current = next((item for item in found if item["GroupName"] == group["name"]), None)
        if current is None:
            drift.append(missing(label))
            continue
        drift += tag_drift(label, current, group["tags"])
        wanted = {entry for rule in group["rules"] for entry in _flat_wanted(rule, ids)}
        actual = {entry for rule in current.get("IpPermissions", []) for entry in _flat_found(rule)}
        if wanted != actual:
            drift.append(Drift(label, f"rules {_text(actual - wanted)}", f"rules {_text(wanted - actual)}"))
    return drift


def group_ids(desired: Sequence[Json], found: Sequence[Json]) -> dict[str, str]:
    """Map hosts, aurora, redis, stores, store_clients to the ids of their groups."""
    ids = {group["GroupName"]: group["GroupId"] for group in found}
    return {group["what"]: ids.get(group["name"], "") for group in desired}


Rule = tuple[str, int, int, str]


def _tcp(ports: list[int], cidr: str, why: str) -> Json:
    return {"proto": "tcp", "ports": ports, "cidr_ip": cidr, "rule_desc": why}


def _group(spec: NetworkSpec, what: str, description: str, rules: list[Json]) -> Json:
    tags = stage_tags(spec.project, spec.stage, what)
    return {"what": what, "name": tags["Name"], "description": description, "rules": rules, "tags": tags}


def _flat_wanted(rule: Json, ids: dict[str, str]) -> list[Rule]:
    source = (
        rule.get("cidr_ip") or rule.get("ip_prefix") or rule.get("group_id") or ids.get(rule.get("group_name", ""), "")
    )
    if rule["proto"] == "all":
        return [(ALL, -1, -1, source)]
    return [(rule["proto"], port, port, source) for port in rule["ports"]]


def _flat_found(rule: dict[str, Any]) -> list[Rule]:
    protocol = str(rule["IpProtocol"])
    ports = (-1, -1) if protocol == ALL else (rule.get("FromPort", -1), rule.get("ToPort", -1))
    sources = [entry["CidrIp"] for entry in rule.get("IpRanges", [])]
    sources += [entry["CidrIpv6"] for entry in rule.get("Ipv6Ranges", [])]
    sources += [entry["PrefixListId"] for entry in rule.get("PrefixListIds", [])]
    sources += [entry["GroupId"] for entry in rule.get("UserIdGroupPairs", [])]
    return [(protocol, *ports, source) for source in sources]


def _text(rules: set[Rule]) -> str:
    return ", ".join(f"{proto} {low}-{high} from {source}" for proto, low, high, source in sorted(rules)) or "(none)"
