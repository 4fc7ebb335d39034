"""One look at one section of the foundation: read, compare, report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._foundation import (
    api,
    groups,
    hosts,
    identity,
    network,
    network_plan,
    replace,
    routes,
)
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import (
    Drift,
    Json,
    diff_of,
    stage_tags,
    tags_of,
)

YOUNG = timedelta(minutes=10)  # such a host may still be booting, whoever made it


def look_at_network(ec2: Any, region: str, params: Json) -> Json:
    spec = network.NetworkSpec(region=region, **params)
    state, found = api.read_network(ec2, spec)
    edge = api.edge_prefix_list(ec2) if spec.edge_port else ""
    wanted = groups.desired_groups(spec, found, network.interfaces_there(spec, state), edge)
    ids = groups.group_ids(wanted, found)
    desired = network.desired_network(spec, state, ids.get("endpoints", ""))
    desired["security_groups"] = wanted
    drift = [*network_plan.plan_network(spec, state, desired), *groups.plan_groups(wanted, found)]
    return {
        **_report(drift),
        "desired": desired,
        "facts": network.facts_of(desired, spec, ids),
        "notes": routes.kept_routes(desired["route_tables"], spec.egress),
    }


def look_at_identity(iam: Any, params: Json) -> Json:
    # Managed policies of AWS have the name of the partition in theirs.
    policies = [arn.replace("arn:aws:iam::aws:", f"arn:{iam.meta.partition}:iam::aws:") for arn in params["policies"]]
    spec = identity.IdentitySpec(**{**params, "policies": policies})
    desired = identity.desired_identity(spec)
    drift = identity.plan_identity(desired, api.read_identity(iam, desired["name"]))
    return {**_report(drift), "desired": desired}


def look_at_hosts(ec2: Any, ssm: Any, params: Json) -> Json:
    known, found, now = params.pop("known"), params.pop("found"), datetime.now(UTC)
    spec = hosts.HostsSpec(**params)
    state = api.read_hosts(ec2, spec)
    desired = hosts.desired_hosts(spec, state)
    drift = hosts.plan_hosts(spec, state, desired)
    template: Json = {
        "name": hosts.template_name(spec),
        "key_name": hosts.key_name(spec) if desired else "",
        "tags": stage_tags(spec.project, spec.stage, "host"),
    }
    # A newer image is of interest only when a host is to be made: it never makes a converged stage differ.
    if drift and (state.template is None or any(not host["instance_id"] for host in desired)):
        template["image"] = api.resolve_image(ec2, ssm, spec)
    elif drift:
        template["image"] = {"id": spec.image_id or state.template_data.get("ImageId", ""), "root_device": _root(state)}
    return {
        **_report(drift),
        "desired": {"hosts": desired, "template": template},
        "instances": {name: _instance(item, now) for name, item in hosts.by_name(spec, state).items()},
        "known_hosts": hosts.known_hosts(spec, state.instances, known, found),
        "notes": replace.replaceable(spec, state, desired),
    }


def _report(drift: Sequence[Drift]) -> Json:
    return {"drift": [entry.as_dict() for entry in drift], "diff": diff_of(drift)}


def _root(state: hosts.HostsState) -> str:
    mappings = state.template_data.get("BlockDeviceMappings", [])
    return str(mappings[0]["DeviceName"]) if mappings else "/dev/xvda"


def _instance(item: Json, now: datetime) -> Json:
    return {
        "young": now - item["LaunchTime"] < YOUNG,
        "instance_id": item["InstanceId"],
        "state": item["State"]["Name"],
        "private_ip": item.get("PrivateIpAddress", ""),
        "public_ip": item.get("PublicIpAddress", ""),
        "host_key": tags_of(item).get("SshHostKey", ""),
    }
