"""The calls to RDS: short functions that retry, translate errors and answer plain dictionaries."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)

from .errors import RDSErrorHandler as Handler

Raw = dict[str, Any]
EVENT_MINUTES = 60
RETRY = AWSRetry.jittered_backoff(retries=8, delay=1, max_delay=10)


def _first(entries: list[Raw]) -> Raw | None:
    return entries[0] if entries else None


class RDS:
    """One region's RDS, by the client of AnsibleAWSModule."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def _pages(self, operation: str, key: str, **request: Any) -> list[Raw]:
        found: list[Raw] = []
        while True:
            answer = getattr(self._client, operation)(aws_retry=True, **request)
            found += answer.get(key, [])
            if not answer.get("Marker"):
                return found
            request["Marker"] = answer["Marker"]

    @Handler.list_error_handler("describe Aurora cluster", None)  # type: ignore[untyped-decorator]
    def cluster(self, name: str) -> Raw | None:
        return _first(self._pages("describe_db_clusters", "DBClusters", DBClusterIdentifier=name))

    @Handler.list_error_handler("describe Aurora instances", [])  # type: ignore[untyped-decorator]
    def instances(self, cluster: str) -> list[Raw]:
        wanted = [{"Name": "db-cluster-id", "Values": [cluster]}]
        return self._pages("describe_db_instances", "DBInstances", Filters=wanted)

    @Handler.list_error_handler("describe Aurora snapshot", None)  # type: ignore[untyped-decorator]
    def snapshot(self, name: str) -> Raw | None:
        return _first(
            self._pages("describe_db_cluster_snapshots", "DBClusterSnapshots", DBClusterSnapshotIdentifier=name)
        )

    @Handler.common_error_handler("take Aurora snapshot")  # type: ignore[untyped-decorator]
    def take_snapshot(self, name: str, cluster: str, tags: dict[str, str]) -> None:
        self._client.create_db_cluster_snapshot(
            DBClusterSnapshotIdentifier=name,
            DBClusterIdentifier=cluster,
            Tags=ansible_dict_to_boto3_tag_list(tags),
            aws_retry=True,
        )

    @Handler.list_error_handler("describe DB subnet group", None)  # type: ignore[untyped-decorator]
    def subnet_group(self, name: str) -> Raw | None:
        return _first(self._pages("describe_db_subnet_groups", "DBSubnetGroups", DBSubnetGroupName=name))

    @Handler.list_error_handler("describe DB cluster parameter group", None)  # type: ignore[untyped-decorator]
    def parameter_group(self, name: str) -> Raw | None:
        operation, key = "describe_db_cluster_parameter_groups", "DBClusterParameterGroups"
        return _first(self._pages(operation, key, DBClusterParameterGroupName=name))

    @Handler.list_error_handler("describe DB cluster parameters", [])  # type: ignore[untyped-decorator]
    def parameters(self, name: str) -> list[Raw]:
        """Only those that somebody set: a value that was never set is the engine's and of no interest here."""
        operation = "describe_db_cluster_parameters"
        return self._pages(operation, "Parameters", DBClusterParameterGroupName=name, Source="user")

    @Handler.common_error_handler("list engine versions")  # type: ignore[untyped-decorator]
    def engine_versions(self, engine: str) -> list[str]:
        found = self._pages("describe_db_engine_versions", "DBEngineVersions", Engine=engine)
        return [version["EngineVersion"] for version in found if version.get("Status", "available") == "available"]

    @Handler.list_error_handler("list tags", {})  # type: ignore[untyped-decorator]
    def tags(self, arn: str) -> dict[str, str]:
        answer = self._client.list_tags_for_resource(ResourceName=arn, aws_retry=True)
        return dict(boto3_tag_list_to_ansible_dict(answer.get("TagList", [])))

    @Handler.common_error_handler("describe events")  # type: ignore[untyped-decorator]
    def events(self, source_type: str, source: str) -> list[str]:
        """What RDS said about an object in the last hour, oldest first."""
        found = self._pages(
            "describe_events", "Events", SourceType=source_type, SourceIdentifier=source, Duration=EVENT_MINUTES
        )
        return [event["Message"] for event in found if event.get("Message")]
