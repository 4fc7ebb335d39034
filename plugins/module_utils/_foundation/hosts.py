"""The EC2 hosts of a stage: one instance for each inventory host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from ansible_collections.tiketi.platform.plugins.module_utils._foundation.errors import FoundationError
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import (
    Drift,
    Json,
    missing,
    stage_tags,
    tag_drift,
    tags_of,
)

ALIVE = ("pending", "running", "stopping", "stopped")


@dataclass(frozen=True)
class HostsSpec:
    """The inputs of the role ec2_host."""

    project: str
    stage: str
    hosts: Sequence[Json]
    profile: str
    public_key: str
    subnets: Mapping[str, Sequence[str]]
    security_group_ids: Sequence[str]
    image_id: str = ""
    image_parameter: str = ""


@dataclass(frozen=True)
class HostsState:
    """What the account answered."""

    instances: Sequence[Json] = ()
    key_names: Sequence[str] = ()
    template: Json | None = None
    template_data: Json = field(default_factory=dict)
    volumes: Mapping[str, Json] = field(default_factory=dict)


def key_name(spec: HostsSpec) -> str:
    """Name the key pair by its content, so that another key is another pair."""
    parts = spec.public_key.split()
    if len(parts) < 2 or not parts[0].startswith(("ssh-", "ecdsa-", "sk-")):
        raise FoundationError(
            "ec2_host_public_key_file does not hold an SSH public key.",
            "give the path of a file such as ~/.ssh/id_ed25519.pub.",
        )
    return f"{spec.project}-{spec.stage}-host-{sha256(parts[1].encode()).hexdigest()[:8]}"


def template_name(spec: HostsSpec) -> str:
    return stage_tags(spec.project, spec.stage, "host")["Name"]


def by_name(spec: HostsSpec, state: HostsState) -> dict[str, Json]:
    """Map inventory names to the living instances of this stage; refuse to guess between two."""
    found: dict[str, Json] = {}
    for instance in state.instances:
        tags = tags_of(instance)
        name = tags.get("InventoryHost", "")
        if instance["State"]["Name"] not in ALIVE or not name or tags.get("Stage") != spec.stage:
            continue
        if name in found:
            raise FoundationError(
                f"Two living instances carry InventoryHost={name}: {found[name]['InstanceId']}, {instance['InstanceId']}.",
                "terminate the one that is not in use, or remove its tag InventoryHost.",
            )
        found[name] = instance
    return found


def desired_hosts(spec: HostsSpec, state: HostsState) -> list[Json]:
    """Describe each host as it is to be launched; subnets are taken in turn."""
    found = by_name(spec, state)
    result: list[Json] = []
    for index, host in enumerate(spec.hosts):
        pool = spec.subnets[host["subnet_tier"]]
        current = found.get(host["name"])
        tags = {**stage_tags(spec.project, spec.stage, host["name"]), "InventoryHost": host["name"]}
        result.append(
            {
                **host,
                "tags": tags,
                "subnet_id": pool[index % len(pool)] if pool else "",
                "instance_id": current["InstanceId"] if current else "",
            }
        )
    return result


def plan_hosts(spec: HostsSpec, state: HostsState, desired: Sequence[Json]) -> list[Drift]:
    """List what has to be made or mended. A stage without hosts of its own needs no key and no template."""
    if not desired:
        return []
    drift: list[Drift] = []
    if key_name(spec) not in state.key_names:
        drift.append(missing(f"key pair {key_name(spec)}"))
    drift += _template_drift(spec, state)
    found = by_name(spec, state)
    for host in desired:
        label = f"host {host['name']}"
        current = found.get(host["name"])
        if current is None:
            drift.append(missing(label, f"{host['instance_type']} in {host['subnet_id'] or host['subnet_tier']}"))
            continue
        drift += tag_drift(label, current, host["tags"])
        if current["State"]["Name"] not in ("pending", "running"):
            drift.append(Drift(label, current["State"]["Name"], "running"))
        if {group["GroupId"] for group in current.get("SecurityGroups", [])} != set(spec.security_group_ids):
            drift.append(Drift(label, "other security groups", ", ".join(sorted(spec.security_group_ids))))
    return drift


def replaceable(spec: HostsSpec, state: HostsState, desired: Sequence[Json]) -> list[str]:
    """Say which hosts differ in what only a new instance can change; that is never done by itself."""
    notes: list[str] = []
    found = by_name(spec, state)
    for host in desired:
        current = found.get(host["name"])
        if current is None:
            continue
        differences = []
        if current["InstanceType"] != host["instance_type"]:
            differences.append(f"type {current['InstanceType']}, wanted {host['instance_type']}")
        if "MetadataOptions" in current and current["MetadataOptions"].get("HttpTokens") != "required":
            differences.append("IMDSv1 allowed, wanted IMDSv2 only")
        volumes = [
            state.volumes.get(m["Ebs"]["VolumeId"], {}) for m in current.get("BlockDeviceMappings", []) if "Ebs" in m
        ]
        if any(volume.get("Encrypted") is False for volume in volumes):
            differences.append("a volume without encryption")
        if differences:
            notes.append(
                f"{host['name']} ({current['InstanceId']}): {'; '.join(differences)}. "
                "Drain and terminate the instance: the next run makes it anew."
            )
    return notes


def template_wanted(spec: HostsSpec) -> Json:
    """Return what the launch template must say, in the words of the EC2 API."""
    return {
        "KeyName": key_name(spec),
        "SecurityGroupIds": list(spec.security_group_ids),
        "IamInstanceProfile": {"Name": spec.profile},
        "MetadataOptions": {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1},
    }


def _template_drift(spec: HostsSpec, state: HostsState) -> list[Drift]:
    label = f"launch template {template_name(spec)}"
    if state.template is None:
        return [missing(label)]
    drift = tag_drift(label, state.template, stage_tags(spec.project, spec.stage, "host"))
    data = {**state.template_data, "IamInstanceProfile": {"Name": _profile(state.template_data)}}
    for key, wanted in template_wanted(spec).items():
        found = data.get(key)
        if isinstance(wanted, dict):
            found = {name: (found or {}).get(name) for name in wanted}
        if found != wanted:
            drift.append(Drift(label, f"{key} {found}", f"{key} {wanted}"))
    if spec.image_id and data.get("ImageId") != spec.image_id:
        drift.append(Drift(label, f"ImageId {data.get('ImageId')}", f"ImageId {spec.image_id}"))
    disk: Json = next((mapping.get("Ebs", {}) for mapping in data.get("BlockDeviceMappings", [])), {})
    if not disk.get("Encrypted") or disk.get("VolumeType") != "gp3":
        drift.append(Drift(label, "root volume not encrypted gp3", "root volume encrypted gp3"))
    return drift


def _profile(data: Json) -> str:
    """Name the profile of a template, which amazon.aws stores by its ARN."""
    profile = data.get("IamInstanceProfile", {})
    return str(profile.get("Name") or profile.get("Arn", "").rpartition("/")[2])


def known_hosts(instances: Sequence[Json], names: Sequence[str]) -> str:
    """Render the host keys that the tags hold, for the hosts of this inventory.

    A line names the host as Ansible does (HostKeyAlias), so that an address
    that AWS gives to another instance later proves nothing.
    """
    lines: dict[str, str] = {}
    for instance in instances:
        tags = tags_of(instance)
        name, key = tags.get("InventoryHost", ""), tags.get("SshHostKey", "")
        if name in names and key and instance["State"]["Name"] in ALIVE:
            lines[name] = f"{name} {key}\n"
    return "".join(lines[name] for name in sorted(lines))
