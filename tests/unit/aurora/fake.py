# ruff: noqa: N803  (the parameters bear the names that boto3 gives them)
"""An RDS in memory that only answers questions; it fails on any call that would change something."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from botocore.exceptions import ClientError

NAME = "shop-aurora"
TAGS = [{"Key": "Project", "Value": "shop"}, {"Key": "owner", "Value": "somebody else"}]


def cluster() -> dict[str, Any]:
    return {
        "DBClusterIdentifier": NAME,
        "Status": "available",
        "Engine": "aurora-postgresql",
        "EngineVersion": "15.10",
        "MasterUsername": "root",
        "DatabaseName": "shop",
        "Port": 5432,
        "Endpoint": "writer.shop",
        "ReaderEndpoint": "reader.shop",
        "DBSubnetGroup": NAME,
        "DBClusterParameterGroup": f"{NAME}-15",
        "StorageEncrypted": True,
        "DeletionProtection": True,
        "BackupRetentionPeriod": 7,
        "PreferredBackupWindow": "03:00-04:00",
        "PreferredMaintenanceWindow": "sun:04:30-sun:05:30",
        "CopyTagsToSnapshot": True,
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1", "Status": "active"}],
        "EnabledCloudwatchLogsExports": ["postgresql"],
        "DBClusterMembers": [{"DBInstanceIdentifier": f"{NAME}-1", "DBClusterParameterGroupStatus": "in-sync"}],
        "TagList": TAGS,
    }


def instance(number: int) -> dict[str, Any]:
    name = f"{NAME}-{number}"
    return {
        "DBInstanceIdentifier": name,
        "DBInstanceStatus": "available",
        "DBInstanceClass": "db.t4g.medium",
        "AutoMinorVersionUpgrade": True,
        "PubliclyAccessible": False,
        "CACertificateIdentifier": "rds-ca-rsa2048-g1",
        "TagList": [*TAGS, {"Key": "Name", "Value": name}],
    }


class FakeRDS:
    def __init__(self) -> None:
        self.clusters: list[dict[str, Any]] = [cluster()]
        self.instances = [instance(1), instance(2)]
        self.subnet_groups = {NAME: ["subnet-1", "subnet-2"]}
        self.parameter_groups = {f"{NAME}-15": "aurora-postgresql15"}
        self.parameters = {"rds.force_ssl": "1", "rds.logical_replication": "1"}
        self.offered = ["14.13", "15.9", "15.10", "16.4"]
        self.events: list[str] = []
        self.polls = 0
        self.asked: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        value = object.__getattribute__(self, name)
        if not name.startswith(("describe_", "list_")):
            return value

        def answered(*, aws_retry: bool = False, **request: Any) -> Any:
            assert aws_retry, f"{name} is called without retries"
            self.asked.append(name)
            return deepcopy(value(**request))

        return answered

    def empty(self) -> None:
        self.clusters, self.instances, self.subnet_groups, self.parameter_groups = [], [], {}, {}

    @staticmethod
    def _missing(code: str) -> ClientError:
        return ClientError({"Error": {"Code": code, "Message": "not there"}}, "Describe")

    def describe_db_clusters(self, DBClusterIdentifier: str) -> dict[str, Any]:
        self.polls += 1
        if not self.clusters:
            raise self._missing("DBClusterNotFoundFault")
        return {"DBClusters": self.clusters}

    def describe_db_instances(self, Filters: list[dict[str, Any]], Marker: str = "") -> dict[str, Any]:
        """Two pages, so that paging is exercised."""
        assert Filters == [{"Name": "db-cluster-id", "Values": [NAME]}]
        if Marker:
            return {"DBInstances": self.instances[1:]}
        return {"DBInstances": self.instances[:1], "Marker": "more"}

    def describe_db_subnet_groups(self, DBSubnetGroupName: str) -> dict[str, Any]:
        if DBSubnetGroupName not in self.subnet_groups:
            raise self._missing("DBSubnetGroupNotFoundFault")
        subnets = [{"SubnetIdentifier": subnet} for subnet in self.subnet_groups[DBSubnetGroupName]]
        return {"DBSubnetGroups": [{"Subnets": subnets}]}

    def describe_db_cluster_parameter_groups(self, DBClusterParameterGroupName: str) -> dict[str, Any]:
        if DBClusterParameterGroupName not in self.parameter_groups:
            raise self._missing("DBParameterGroupNotFound")
        family = self.parameter_groups[DBClusterParameterGroupName]
        return {"DBClusterParameterGroups": [{"DBParameterGroupFamily": family, "DBClusterParameterGroupArn": "arn"}]}

    def describe_db_cluster_parameters(self, DBClusterParameterGroupName: str, Source: str) -> dict[str, Any]:
        assert Source == "user"
        return {"Parameters": [{"ParameterName": k, "ParameterValue": v} for k, v in self.parameters.items()]}

    def describe_db_engine_versions(self, Engine: str) -> dict[str, Any]:
        assert Engine == "aurora-postgresql"
        retired = [{"EngineVersion": "15.4", "Status": "deprecated"}]
        return {"DBEngineVersions": [{"EngineVersion": version} for version in self.offered] + retired}

    def list_tags_for_resource(self, ResourceName: str) -> dict[str, Any]:
        assert ResourceName == "arn"
        return {"TagList": TAGS}

    def describe_events(self, SourceType: str, SourceIdentifier: str, Duration: int) -> dict[str, Any]:
        return {"Events": [{"Message": f"{SourceIdentifier}: {message}"} for message in self.events]}
