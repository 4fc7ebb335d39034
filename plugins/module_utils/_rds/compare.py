"""What of an Aurora cluster and its surroundings differs from the wish. Pure."""

from __future__ import annotations

from typing import Any

from .errors import FaultyWishError
from .model import CLUSTER_IMMUTABLE, CLUSTER_MODIFIABLE, INSTANCE_MODIFIABLE, Differences, Found, Wish

Raw = dict[str, Any]


def compare(found: Found, wish: Wish, version: str) -> Differences:
    """Raises with every fault at once when something wanted cannot be reached by a change."""
    faults = _faults(found, wish)
    if faults:
        raise FaultyWishError(faults)
    return Differences(
        subnet_group=_subnet_group(found.subnet_group, wish),
        parameter_group=_parameter_group(found, wish),
        cluster=_cluster(found.cluster, wish, version),
        instances=_instances(found.instances, wish),
    )


def _same(name: str, current: Any, wanted: Any) -> bool:
    if name == "kms_key_id":
        # A key may be named by id or by ARN, and is answered as ARN.
        return str(current).rsplit("/", 1)[-1] == str(wanted).rsplit("/", 1)[-1]
    if isinstance(wanted, str):
        # RDS turns names and windows into lower case.
        return str(current).lower() == wanted.lower()
    return bool(current == wanted)


def _faults(found: Found, wish: Wish) -> list[str]:
    faults = []
    for name, key in CLUSTER_IMMUTABLE.items() if found.cluster else []:
        wanted, have = wish.cluster.get(name), (found.cluster or {}).get(key)
        if wanted is not None and not _same(name, have, wanted):
            faults.append(
                f"{name} of Aurora cluster {wish.name} is {have} and cannot become {wanted}, it is fixed at creation:"
                " restore a snapshot into a new cluster, or leave it as it is"
            )
    family = (found.parameter_group or {}).get("DBParameterGroupFamily")
    if family is not None and family != wish.parameter_family:
        faults.append(
            f"DB cluster parameter group {wish.parameter_group} is of family {family} and cannot become"
            f" {wish.parameter_family}: choose another name for the new family"
        )
    return faults


def _tags(raw: list[dict[str, str]], wanted: dict[str, str]) -> list[str]:
    """Tags of others are left alone: cost tools and backup plans set their own."""
    have = {tag["Key"]: tag["Value"] for tag in raw}
    return [f"tag {k}: {have.get(k, 'none')} -> {v}" for k, v in wanted.items() if have.get(k) != v]


def _properties(raw: Raw, keys: dict[str, str], wanted: Raw) -> list[str]:
    pending = raw.get("PendingModifiedValues") or {}
    found = []
    for name, key in keys.items():
        value = wanted.get(name)
        have = pending.get(key, raw.get(key))
        if value is not None and not _same(name, have, value):
            found.append(f"{name}: {have} -> {value}")
    return found


def _sets(label: str, have: list[str], wanted: list[str]) -> list[str]:
    if sorted(have) == sorted(wanted):
        return []
    return [f"{label}: {', '.join(sorted(have)) or 'none'} -> {', '.join(sorted(wanted)) or 'none'}"]


def _log_exports(raw: Raw, pending: Raw) -> list[str]:
    """Those that will be exported. A pending type is on its way to the other side; which list it is in tells nothing, since
    the API reference and its names contradict each other."""
    underway = {one for types in (pending.get("PendingCloudwatchLogsExports") or {}).values() for one in types}
    return sorted(set(raw.get("EnabledCloudwatchLogsExports", [])) ^ underway)


def _subnet_group(raw: Raw | None, wish: Wish) -> list[str]:
    if raw is None:
        return [f"{wish.subnet_group} does not exist"]
    return _sets("subnets", [subnet["SubnetIdentifier"] for subnet in raw.get("Subnets", [])], wish.subnet_ids)


def _parameter_group(found: Found, wish: Wish) -> list[str]:
    if found.parameter_group is None:
        return [f"{wish.parameter_group} does not exist"]
    have = {p["ParameterName"]: p.get("ParameterValue") for p in found.parameters}
    differences = [f"{k}: {have.get(k, 'default')} -> {v}" for k, v in wish.parameters.items() if have.get(k) != v]
    return differences + _tags([{"Key": k, "Value": v} for k, v in found.parameter_group_tags.items()], wish.tags)


def _cluster(raw: Raw | None, wish: Wish, version: str) -> list[str]:
    if raw is None:
        return [f"{wish.name} does not exist"]
    pending = raw.get("PendingModifiedValues") or {}
    engine_version = pending.get("EngineVersion", raw["EngineVersion"])
    differences = [] if engine_version == version else [f"engine_version: {engine_version} -> {version}"]
    differences += _properties(raw, CLUSTER_MODIFIABLE, wish.cluster)
    groups = [g["VpcSecurityGroupId"] for g in raw.get("VpcSecurityGroups", []) if g.get("Status") != "removing"]
    differences += _sets("security_group_ids", groups, wish.security_group_ids)
    differences += _sets("log_exports", _log_exports(raw, pending), wish.log_exports)
    return differences + _tags(raw.get("TagList", []), wish.tags)


def _instances(raw: list[Raw], wish: Wish) -> dict[str, list[str]]:
    have = {instance["DBInstanceIdentifier"]: instance for instance in raw}
    differences = {}
    for name in wish.instance_names:
        if name not in have:
            found = ["does not exist"]
        else:
            found = _properties(have[name], INSTANCE_MODIFIABLE, wish.instance)
            found += _tags(have[name].get("TagList", []), {**wish.tags, "Name": name})
        if found:
            differences[name] = found
    return differences


def messages(found: Found, wish: Wish) -> list[str]:
    """What a person should know and the role does not do on its own."""
    notes = []
    for member in (found.cluster or {}).get("DBClusterMembers", []):
        if member.get("DBClusterParameterGroupStatus") == "pending-reboot":
            notes.append(
                f"{member['DBInstanceIdentifier']} takes its new parameters at the next reboot: choose the moment"
            )
    extra = {instance["DBInstanceIdentifier"] for instance in found.instances} - set(wish.instance_names)
    return notes + [
        f"instance {name} is in the cluster and not in the wish: it is left alone" for name in sorted(extra)
    ]
