"""The only place where the foundation talks to AWS; it only reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

try:
    from botocore.exceptions import ClientError
except ImportError:  # the module reports the missing library
    ClientError = Exception  # type: ignore[assignment,misc]

from ansible_collections.tiketi.platform.plugins.module_utils._aws.retry import patient
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.errors import FoundationError
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.hosts import (
    HostsSpec,
    HostsState,
    template_name,
)
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.identity import IdentityState
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import Json, tags_of
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.network import NetworkSpec, NetworkState

Client = Any
THREADS = 8
EDGE = "com.amazonaws.global.cloudfront.origin-facing"  # where CloudFront asks from; AWS keeps the list


@patient
def read_network(ec2: Client, spec: NetworkSpec) -> tuple[NetworkState, list[Json]]:
    """Return the network of the project and the security groups in it."""
    zones = ec2.describe_availability_zones(
        Filters=_filters({"zone-type": "availability-zone", "opt-in-status": "opt-in-not-required"})
    )["AvailabilityZones"]
    names = sorted(zone["ZoneName"] for zone in zones)
    impaired = sorted(zone["ZoneName"] for zone in zones if zone["State"] != "available")
    vpcs = _list(ec2, "describe_vpcs", {"tag:Project": spec.project, "tag:Name": f"{spec.project}-vpc"})
    if len(vpcs) != 1:
        return NetworkState(zones=names, impaired=impaired, vpcs=vpcs), []
    vpc = vpcs[0]["VpcId"]
    inside = {"vpc-id": vpc}
    reads: list[Callable[[], Any]] = [
        lambda: _list(ec2, "describe_subnets", inside),
        lambda: _list(ec2, "describe_internet_gateways", {"attachment.vpc-id": vpc}),
        lambda: _list(ec2, "describe_nat_gateways", inside),
        lambda: _list(ec2, "describe_route_tables", inside),
        lambda: _list(ec2, "describe_vpc_endpoints", inside),
        lambda: _list(ec2, "describe_security_groups", inside),
        lambda: ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsSupport")["EnableDnsSupport"]["Value"],
        lambda: ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")["EnableDnsHostnames"]["Value"],
    ]
    subnets, gateways, nats, tables, endpoints, groups, support, hostnames = _parallel(reads)
    state = NetworkState(
        zones=names,
        impaired=impaired,
        vpcs=vpcs,
        attributes={"DNS support": bool(support), "DNS host names": bool(hostnames)},
        subnets=subnets,
        internet_gateways=gateways,
        nat_gateways=nats,
        route_tables=tables,
        endpoints=endpoints,
    )
    return state, groups


@patient
def edge_prefix_list(ec2: Client) -> str:
    """Id of the list in this region."""
    found = ec2.describe_managed_prefix_lists(Filters=_filters({"prefix-list-name": EDGE}))["PrefixLists"]
    if not found:
        raise FoundationError(
            f"this region has no prefix list {EDGE}, so CloudFront cannot be let in to the hosts.",
            "set network_edge_port to 0, and lead CloudFront to the API in another way.",
        )
    return str(found[0]["PrefixListId"])


@patient
def read_identity(iam: Client, name: str) -> IdentityState:
    """Return role, attached policies and instance profile, as far as they exist."""
    role = _maybe(lambda: iam.get_role(RoleName=name)["Role"], "NoSuchEntity")
    profile = _maybe(lambda: iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"], "NoSuchEntity")
    if role is None:
        return IdentityState(profile=profile)
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return IdentityState(role=role, policies=[policy["PolicyArn"] for policy in attached], profile=profile)


@patient
def read_hosts(ec2: Client, spec: HostsSpec) -> HostsState:
    """Return the instances of the project, key pairs and the launch template of the stage."""
    template = template_name(spec)
    reads: list[Callable[[], Any]] = [
        lambda: _list(ec2, "describe_instances", {"tag:Project": spec.project}),
        lambda: [pair["KeyName"] for pair in ec2.describe_key_pairs()["KeyPairs"]],
        lambda: _list(ec2, "describe_launch_templates", {"launch-template-name": template}),
    ]
    reservations, keys, templates = _parallel(reads)
    instances = [instance for reservation in reservations for instance in reservation["Instances"]]
    data: Json = {}
    if templates:
        found = ec2.describe_launch_template_versions(LaunchTemplateName=template, Versions=["$Default"])
        data = found["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    volumes = {volume["VolumeId"]: volume for volume in _volumes(ec2, spec, instances)}
    return HostsState(instances, keys, templates[0] if templates else None, data, volumes)


@patient
def resolve_image(ec2: Client, ssm: Client, spec: HostsSpec) -> Json:
    """Return id and root device of the image; the newest published one unless one is named."""
    image, source = spec.image_id, "ec2_host_image_id"
    if not image:
        source = f"the SSM parameter {spec.image_parameter}"
        parameter = _maybe(lambda: ssm.get_parameter(Name=spec.image_parameter)["Parameter"], "ParameterNotFound")
        if parameter is None:
            raise FoundationError(
                f"{source} (ec2_host_image_parameter) does not exist in this region.",
                "set ec2_host_image_id to an AMI of Debian 12, or ec2_host_image_parameter to a parameter that holds one.",
            )
        image = parameter["Value"]
    try:
        found = ec2.describe_images(ImageIds=[image])["Images"]
    except ClientError as error:
        if not str(error.response["Error"]["Code"]).startswith("InvalidAMIID"):
            raise
        found = []
    if not found:
        raise FoundationError(
            f"Image {image}, from {source}, does not exist in this region or is not shared with this account.",
            "set ec2_host_image_id to an AMI of Debian 12 in platform_region.",
        )
    root = found[0].get("RootDeviceName") or "/dev/xvda"
    return {"id": image, "root_device": root, "name": found[0].get("Name", ""), "source": source}


def _volumes(ec2: Client, spec: HostsSpec, instances: Sequence[Json]) -> list[Json]:
    ids = [
        mapping["Ebs"]["VolumeId"]
        for instance in instances
        if tags_of(instance).get("Stage") == spec.stage and instance["State"]["Name"] != "terminated"
        for mapping in instance.get("BlockDeviceMappings", [])
        if mapping.get("Ebs", {}).get("VolumeId")
    ]
    return _list(ec2, "describe_volumes", {"volume-id": ids}) if ids else []


def _filters(wanted: dict[str, Any]) -> list[Json]:
    return [{"Name": key, "Values": value if isinstance(value, list) else [value]} for key, value in wanted.items()]


def _list(client: Client, operation: str, wanted: dict[str, Any]) -> list[Json]:
    key = "Filter" if operation == "describe_nat_gateways" else "Filters"
    pages = client.get_paginator(operation).paginate(**{key: _filters(wanted)})
    found: list[Json] = list(pages.result_key_iters()[0])
    return found


def _parallel(reads: Iterable[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(THREADS) as pool:
        return [future.result() for future in [pool.submit(read) for read in reads]]


def _maybe(read: Callable[[], Any], absent: str) -> Any:
    try:
        return read()
    except ClientError as error:
        if absent in str(error.response["Error"]["Code"]):
            return None
        raise
