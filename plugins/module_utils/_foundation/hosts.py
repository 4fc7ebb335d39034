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


def is_public_key(text: str) -> bool:
    """Say whether a text is an SSH public key, as a file such as ~/.ssh/id_ed25519.pub holds it."""
    parts = text.split()
    return len(parts) > 1 and parts[0].startswith(("ssh-", "ecdsa-", "sk-"))


def key_name(spec: HostsSpec) -> str:
    """Name the key pair by its content, so that another key is another pair."""
    if not is_public_key(spec.public_key):
        raise FoundationError(
            "ec2_host_public_key_file does not hold an SSH public key.",
            "give the path of a file such as ~/.ssh/id_ed25519.pub.",
        )
    return f"{spec.project}-{spec.stage}-host-{sha256(spec.public_key.split()[1].encode()).hexdigest()[:8]}"


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
            gone, place = ended(spec, state, host["name"]), host["subnet_id"] or host["subnet_tier"]
            drift.append(Drift(label, f"absent: {gone}" if gone else "absent", f"{host['instance_type']} in {place}"))
            continue
        drift += tag_drift(label, current, host["tags"])
        if current["State"]["Name"] not in ("pending", "running"):
            drift.append(Drift(label, current["State"]["Name"], "running"))
        if {group["GroupId"] for group in current.get("SecurityGroups", [])} != set(spec.security_group_ids):
            drift.append(Drift(label, "other security groups", ", ".join(sorted(spec.security_group_ids))))
    return drift


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
    data = {**state.template_data, "IamInstanceProfile": {"Name": profile_name(state.template_data)}}
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


def profile_name(data: Json) -> str:
    """Name the profile of a template, which amazon.aws stores by its ARN, or of an instance."""
    profile = data.get("IamInstanceProfile", {})
    return str(profile.get("Name") or profile.get("Arn", "").rpartition("/")[2])


def known_hosts(
    spec: HostsSpec, instances: Sequence[Json], names: Sequence[str], found: Mapping[str, str] | None = None
) -> str:
    """Render the host keys that the tags hold, for the hosts of this inventory.

    A line names the host as Ansible does (HostKeyAlias), so that an address
    that AWS gives to another instance later proves nothing. A host of this
    stage is never known by the key of another stage's of the same name;
    `found` says which instance the inventory means by a name of another stage.
    """
    living = [instance for instance in instances if instance["State"]["Name"] in ALIVE]
    lines = [_known(spec, name, living, (found or {}).get(name, "")) for name in sorted(set(names))]
    return "".join(lines)


def _known(spec: HostsSpec, name: str, living: Sequence[Json], meant: str) -> str:
    namesakes = [instance for instance in living if tags_of(instance).get("InventoryHost") == name]
    own = [instance for instance in namesakes if tags_of(instance).get("Stage") == spec.stage]
    if own or name in [host["name"] for host in spec.hosts]:
        namesakes = own
    elif len(namesakes) > 1:
        namesakes = [instance for instance in namesakes if instance["InstanceId"] == meant] or namesakes
    keys = {key: instance for instance in namesakes if (key := tags_of(instance).get("SshHostKey", ""))}
    if len(keys) > 1:
        shown = " and ".join(f"{one['InstanceId']} of stage {tags_of(one).get('Stage', '?')}" for one in keys.values())
        raise FoundationError(
            f"Host {name} of the inventory may be {shown}; they have different host keys.",
            "let tag:Stage in aws_ec2.yml name the stage that is meant, or remove the tag InventoryHost of the other one.",
        )
    return "".join(f"{name} {key}\n" for key in keys)


def ended(spec: HostsSpec, state: HostsState, name: str) -> str:
    """Say why the last instance of a host that has none is gone, where AWS itself ended it."""
    gone = [
        instance
        for instance in state.instances
        if instance["State"]["Name"] in ("shutting-down", "terminated")
        and (tags_of(instance).get("InventoryHost"), tags_of(instance).get("Stage")) == (name, spec.stage)
    ]
    last = max(gone, key=lambda instance: str(instance.get("LaunchTime", "")), default={})
    reason = last.get("StateReason", {})
    if not reason or str(reason.get("Code", "")).startswith("Client.UserInitiated"):
        return ""
    return f"{last['InstanceId']} was ended by AWS, {reason.get('Message') or reason.get('Code')}"
