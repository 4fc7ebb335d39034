"""What is wanted of an Aurora cluster and what is around it, and everything that was read. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

AVAILABLE = "available"
ABSENT = "absent"

# Property of the wish -> key of DescribeDBClusters, for what ModifyDBCluster changes.
CLUSTER_MODIFIABLE = {
    "port": "Port",
    "db_cluster_parameter_group_name": "DBClusterParameterGroup",
    "deletion_protection": "DeletionProtection",
    "backup_retention_period": "BackupRetentionPeriod",
    "preferred_backup_window": "PreferredBackupWindow",
    "preferred_maintenance_window": "PreferredMaintenanceWindow",
    "copy_tags_to_snapshot": "CopyTagsToSnapshot",
}
# Fixed at creation.
CLUSTER_IMMUTABLE = {
    "engine": "Engine",
    "master_username": "MasterUsername",
    "database_name": "DatabaseName",
    "db_subnet_group_name": "DBSubnetGroup",
    "storage_encrypted": "StorageEncrypted",
    "kms_key_id": "KmsKeyId",
}
INSTANCE_MODIFIABLE = {
    "db_instance_class": "DBInstanceClass",
    "auto_minor_version_upgrade": "AutoMinorVersionUpgrade",
    "publicly_accessible": "PubliclyAccessible",
    "ca_certificate_identifier": "CACertificateIdentifier",
}


@dataclass(frozen=True)
class Wish:
    """None in a dictionary of properties leaves that property alone."""

    name: str
    engine_version: str
    cluster: dict[str, Any]
    security_group_ids: list[str]
    log_exports: list[str]
    tags: dict[str, str]
    subnet_group: str
    subnet_ids: list[str]
    parameter_group: str
    parameter_family: str
    parameters: dict[str, str]
    instance_names: list[str]
    instance: dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What the API answered; None or empty where there is nothing."""

    cluster: dict[str, Any] | None = None
    instances: list[dict[str, Any]] = field(default_factory=list)
    subnet_group: dict[str, Any] | None = None
    parameter_group: dict[str, Any] | None = None
    parameters: list[dict[str, Any]] = field(default_factory=list)
    parameter_group_tags: dict[str, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        return str(self.cluster["Status"]) if self.cluster else ABSENT

    @property
    def ready(self) -> bool:
        members = [instance["DBInstanceStatus"] for instance in self.instances]
        return self.status == AVAILABLE and bool(members) and all(status == AVAILABLE for status in members)


@dataclass
class Differences:
    """Readable differences by part; instances by the name of each."""

    subnet_group: list[str] = field(default_factory=list)
    parameter_group: list[str] = field(default_factory=list)
    cluster: list[str] = field(default_factory=list)
    instances: dict[str, list[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.subnet_group or self.parameter_group or self.cluster or self.instances)

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    def lines(self) -> list[str]:
        """For a diff: every difference with the part it belongs to."""
        parts = {"subnet group": self.subnet_group, "parameter group": self.parameter_group, "cluster": self.cluster}
        parts |= {f"instance {name}": found for name, found in self.instances.items()}
        return [f"{part}: {line}" for part, found in parts.items() for line in found]
