"""The replication group as it is (Group) and as it is wanted (Spec), without any I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TOKEN_VERSION_TAG = "AuthTokenVersion"  # noqa: S105  (the name of a tag)
ROTATED_SUFFIX = "/rotated"

AVAILABLE = "available"
CREATE_FAILED = "create-failed"
DELETING = "deleting"

SET, ROTATE = TOKEN_STRATEGIES = ("SET", "ROTATE")

TLS_DISABLED, TLS_PREFERRED, TLS_REQUIRED = TLS_MODES = ("disabled", "preferred", "required")

# Option of the module -> request parameter, for what one ModifyReplicationGroup changes in place.
MODIFIABLE = {
    "description": "ReplicationGroupDescription",
    "node_type": "CacheNodeType",
    "engine_version": "EngineVersion",
    "parameter_group_name": "CacheParameterGroupName",
    "security_group_ids": "SecurityGroupIds",
    "maintenance_window": "PreferredMaintenanceWindow",
    "snapshot_window": "SnapshotWindow",
    "snapshot_retention_limit": "SnapshotRetentionLimit",
    "automatic_failover_enabled": "AutomaticFailoverEnabled",
    "multi_az_enabled": "MultiAZEnabled",
    "auto_minor_version_upgrade": "AutoMinorVersionUpgrade",
    "notification_topic_arn": "NotificationTopicArn",
}
# Fixed at creation.
IMMUTABLE = {
    "engine": "Engine",
    "port": "Port",
    "subnet_group_name": "CacheSubnetGroupName",
    "at_rest_encryption_enabled": "AtRestEncryptionEnabled",
    "kms_key_id": "KmsKeyId",
}


@dataclass(frozen=True)
class Spec:
    """What is wanted; None leaves a property alone."""

    replication_group_id: str
    description: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    node_type: str | None = None
    replica_count: int | None = None
    port: int | None = None
    parameter_group_name: str | None = None
    subnet_group_name: str | None = None
    security_group_ids: list[str] | None = None
    maintenance_window: str | None = None
    snapshot_window: str | None = None
    snapshot_retention_limit: int | None = None
    snapshot_name: str | None = None
    automatic_failover_enabled: bool | None = None
    multi_az_enabled: bool | None = None
    auto_minor_version_upgrade: bool | None = None
    notification_topic_arn: str | None = None
    transit_encryption_mode: str | None = None
    at_rest_encryption_enabled: bool | None = None
    kms_key_id: str | None = None
    auth_token: str | None = field(default=None, repr=False)
    auth_token_version: str | None = None
    auth_token_update_strategy: str = SET
    force_auth_token_update: bool = False
    log_delivery: list[dict[str, Any]] | None = None
    primary_cluster_id: str | None = None
    tags: dict[str, str] | None = None
    purge_tags: bool = True
    apply_immediately: bool = True

    @property
    def wants_token(self) -> bool:
        return bool(self.auth_token or self.auth_token_version)


@dataclass(frozen=True)
class Group:
    """What stands, joined from the group, its member clusters and its tags.

    DescribeReplicationGroups does not tell engine version, parameter group, subnet group,
    security groups or maintenance window; the member clusters do. `values` has an entry for
    every property that AWS answered for, under the name of the module's option.
    """

    replication_group_id: str
    arn: str
    status: str
    members: tuple[str, ...]
    primary: str | None
    values: dict[str, Any]
    tls: str
    auth_token_enabled: bool
    cluster_enabled: bool = False
    shards: int = 1
    log_delivery: tuple[dict[str, Any], ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def replica_count(self) -> int:
        return max(len(self.members) - 1, 0)

    @property
    def token_version(self) -> str | None:
        return self.tags.get(TOKEN_VERSION_TAG)


def same(option: str, current: Any, wanted: Any) -> bool:
    """Whether a property is as wanted, in the terms of that property."""
    if option == "security_group_ids":
        return sorted(current or []) == sorted(wanted)
    if option in ("maintenance_window", "snapshot_window"):
        return str(current).lower() == str(wanted).lower()
    if option == "kms_key_id" and current:
        # A key may be named by id or by ARN, and is answered as ARN.
        return str(current).rsplit("/", 1)[-1] == str(wanted).rsplit("/", 1)[-1]
    return bool(current == wanted)


def _member_names(raw: dict[str, Any]) -> list[dict[str, Any]]:
    return [member for group in raw.get("NodeGroups", []) for member in group.get("NodeGroupMembers", [])]


def member_ids(raw: dict[str, Any]) -> list[str]:
    """The member clusters; the node groups list them once they exist, MemberClusters from the start."""
    return [m["CacheClusterId"] for m in _member_names(raw)] or list(raw.get("MemberClusters", []))


def _tls(raw: dict[str, Any]) -> str:
    pending = raw.get("PendingModifiedValues", {})
    if not pending.get("TransitEncryptionEnabled", raw.get("TransitEncryptionEnabled", False)):
        return TLS_DISABLED
    return str(pending.get("TransitEncryptionMode") or raw.get("TransitEncryptionMode") or TLS_REQUIRED)


def _log_delivery(raw: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    found = []
    for entry in raw.get("LogDeliveryConfigurations", []):
        if entry.get("Status") == "disabling":
            continue
        details = entry.get("DestinationDetails", {})
        destination = details.get("CloudWatchLogsDetails", {}).get("LogGroup")
        destination = destination or details.get("KinesisFirehoseDetails", {}).get("DeliveryStream", "")
        delivery = {
            "log_type": entry["LogType"],
            "destination_type": entry.get("DestinationType"),
            "destination": destination,
            "log_format": entry.get("LogFormat"),
        }
        if entry.get("Status") == "error":
            # Nothing is delivered, so this is not what anybody wants: it is a difference, with its reason.
            delivery["error"] = entry.get("Message") or "ElastiCache gives no reason"
        found.append(delivery)
    return tuple(found)


def _enabled(word: str | None) -> bool:
    return word in ("enabled", "enabling")


def _of_group(raw: dict[str, Any]) -> dict[str, Any]:
    pending = raw.get("PendingModifiedValues", {})
    values: dict[str, Any] = {
        "description": raw.get("Description", ""),
        "engine": raw.get("Engine", "redis"),
        "node_type": raw.get("CacheNodeType"),
        "snapshot_window": raw.get("SnapshotWindow"),
        "snapshot_retention_limit": raw.get("SnapshotRetentionLimit", 0),
        "automatic_failover_enabled": _enabled(pending.get("AutomaticFailoverStatus") or raw.get("AutomaticFailover")),
        "multi_az_enabled": _enabled(raw.get("MultiAZ")),
        "auto_minor_version_upgrade": raw.get("AutoMinorVersionUpgrade"),
        "at_rest_encryption_enabled": raw.get("AtRestEncryptionEnabled", False),
        "kms_key_id": raw.get("KmsKeyId"),
    }
    for node_group in raw.get("NodeGroups", []):
        values["port"] = node_group.get("PrimaryEndpoint", {}).get("Port")
    return values


def _of_members(clusters: list[dict[str, Any]]) -> dict[str, Any]:
    """Properties that only the member clusters know; a member that lags behind shows as a difference."""
    found: dict[str, Any] = {}
    for raw in clusters:
        pending = raw.get("PendingModifiedValues", {})
        one = {
            "engine_version": pending.get("EngineVersion") or raw.get("EngineVersion"),
            "parameter_group_name": raw.get("CacheParameterGroup", {}).get("CacheParameterGroupName"),
            "subnet_group_name": raw.get("CacheSubnetGroupName"),
            "security_group_ids": sorted(sg["SecurityGroupId"] for sg in raw.get("SecurityGroups", [])),
            "maintenance_window": raw.get("PreferredMaintenanceWindow"),
            "notification_topic_arn": raw.get("NotificationConfiguration", {}).get("TopicArn"),
        }
        for key, value in one.items():
            if found.setdefault(key, value) != value:
                found[key] = None
        if pending.get("CacheNodeType"):
            found["node_type"] = pending["CacheNodeType"]
    return found


def group_from(raw: dict[str, Any], clusters: list[dict[str, Any]], tags: dict[str, str]) -> Group:
    """Join what the API calls answered."""
    primaries = [m["CacheClusterId"] for m in _member_names(raw) if m.get("CurrentRole") == "primary"]
    pending_token = raw.get("PendingModifiedValues", {}).get("AuthTokenStatus")
    return Group(
        replication_group_id=raw["ReplicationGroupId"],
        arn=raw["ARN"],
        status=raw["Status"],
        members=tuple(member_ids(raw)),
        primary=primaries[0] if primaries else None,
        values={**_of_group(raw), **_of_members(clusters)},
        tls=_tls(raw),
        auth_token_enabled=raw.get("AuthTokenEnabled", False) or pending_token is not None,
        cluster_enabled=raw.get("ClusterEnabled", False),
        shards=max(len(raw.get("NodeGroups", [])), 1),
        log_delivery=_log_delivery(raw),
        tags=tags,
    )
