"""Which hosts differ in what only a new instance can change; that is never done by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.tiketi.platform.plugins.module_utils._foundation.hosts import (
    HostsSpec,
    HostsState,
    by_name,
    key_name,
    profile_name,
)
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import Json


def replaceable(spec: HostsSpec, state: HostsState, desired: Sequence[Json]) -> list[str]:
    """Say which hosts differ, and in what."""
    notes: list[str] = []
    found = by_name(spec, state)
    for host in desired:
        current = found.get(host["name"])
        differences = list(_differences(spec, state, host, current)) if current else []
        if current and differences:
            notes.append(
                f"{host['name']} ({current['InstanceId']}): {'; '.join(differences)}. "
                "Drain and terminate the instance: the next run makes it anew."
            )
    return notes


def _differences(spec: HostsSpec, state: HostsState, host: Json, current: Json) -> Iterator[str]:
    if current["InstanceType"] != host["instance_type"]:
        yield f"type {current['InstanceType']}, wanted {host['instance_type']}"
    options = current.get("MetadataOptions", {})
    if options and options.get("HttpTokens") != "required":
        yield "IMDSv1 allowed, wanted IMDSv2 only"
    hops = options.get("HttpPutResponseHopLimit", 1)
    if hops != 1:
        yield f"metadata reachable over {hops} hops, so from containers; wanted 1"
    profile = profile_name(current)
    if profile != spec.profile:
        yield f"instance profile {profile or 'none'}, wanted {spec.profile}"
    if current.get("KeyName", "") != key_name(spec):
        yield f"key pair {current.get('KeyName') or 'none'}, wanted {key_name(spec)}"
    yield from _volumes(state, host, current)


def _volumes(state: HostsState, host: Json, current: Json) -> Iterator[str]:
    mappings = [mapping for mapping in current.get("BlockDeviceMappings", []) if "Ebs" in mapping]
    volumes = {mapping["DeviceName"]: state.volumes.get(mapping["Ebs"]["VolumeId"], {}) for mapping in mappings}
    if any(volume.get("Encrypted") is False for volume in volumes.values()):
        yield "a volume without encryption"
    size = volumes.get(current.get("RootDeviceName", ""), {}).get("Size")
    if size is not None and size != host["root_gib"]:
        yield f"root volume of {size} GiB, wanted {host['root_gib']}"
