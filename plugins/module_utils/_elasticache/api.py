"""The calls to ElastiCache: short functions that retry, translate errors and answer plain dictionaries."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)

from .errors import ElastiCacheErrorHandler as Handler
from .model import Group, group_from, member_ids

Raw = dict[str, Any]
EVENT_MINUTES = 60
PARAMETERS_PER_CALL = 20

# A group that has just been changed may refuse the next call for a moment, though it says it is available.
RETRY = AWSRetry.jittered_backoff(
    retries=8, delay=1, max_delay=10, catch_extra_error_codes=["InvalidReplicationGroupState"]
)


class ElastiCache:
    """One region's ElastiCache, by the client of AnsibleAWSModule."""

    def __init__(self, client: Any) -> None:
        self._client = client

    # Replication groups

    @Handler.list_error_handler("describe replication group", None)  # type: ignore[untyped-decorator]
    def describe_group(self, group_id: str) -> Raw | None:
        answer = self._client.describe_replication_groups(ReplicationGroupId=group_id, aws_retry=True)
        groups: list[Raw] = answer.get("ReplicationGroups", [])
        return groups[0] if groups else None

    @Handler.list_error_handler("list replication groups", [])  # type: ignore[untyped-decorator]
    def list_groups(self) -> list[Raw]:
        found: list[Raw] = []
        marker: dict[str, str] = {}
        while True:
            answer = self._client.describe_replication_groups(aws_retry=True, **marker)
            found += answer.get("ReplicationGroups", [])
            if not answer.get("Marker"):
                return found
            marker = {"Marker": answer["Marker"]}

    @Handler.list_error_handler("describe cache cluster", None)  # type: ignore[untyped-decorator]
    def describe_member(self, cluster_id: str) -> Raw | None:
        answer = self._client.describe_cache_clusters(CacheClusterId=cluster_id, ShowCacheNodeInfo=True, aws_retry=True)
        clusters: list[Raw] = answer.get("CacheClusters", [])
        return clusters[0] if clusters else None

    @Handler.list_error_handler("list tags", {})  # type: ignore[untyped-decorator]
    def tags(self, arn: str) -> dict[str, str]:
        answer = self._client.list_tags_for_resource(ResourceName=arn, aws_retry=True)
        return dict(boto3_tag_list_to_ansible_dict(answer.get("TagList", [])))

    def read_group(self, group_id: str) -> tuple[Group, Raw] | None:
        """The joined view of a group, and what the API said of it; None when there is none."""
        raw: Raw | None = self.describe_group(group_id)
        return None if raw is None else (self.join(raw), raw)

    def join(self, raw: Raw) -> Group:
        members = [self.describe_member(name) for name in member_ids(raw)]
        return group_from(raw, [member for member in members if member], self.tags(raw["ARN"]))

    @Handler.common_error_handler("create replication group")  # type: ignore[untyped-decorator]
    def create_group(self, request: Raw) -> None:
        self._client.create_replication_group(aws_retry=True, **request)

    @Handler.common_error_handler("modify replication group")  # type: ignore[untyped-decorator]
    def modify_group(self, group_id: str, request: Raw) -> None:
        self._client.modify_replication_group(ReplicationGroupId=group_id, aws_retry=True, **request)

    @Handler.common_error_handler("increase replica count")  # type: ignore[untyped-decorator]
    def increase_replicas(self, group_id: str, request: Raw) -> None:
        self._client.increase_replica_count(ReplicationGroupId=group_id, aws_retry=True, **request)

    @Handler.common_error_handler("decrease replica count")  # type: ignore[untyped-decorator]
    def decrease_replicas(self, group_id: str, request: Raw) -> None:
        self._client.decrease_replica_count(ReplicationGroupId=group_id, aws_retry=True, **request)

    @Handler.common_error_handler("fail over")  # type: ignore[untyped-decorator]
    def fail_over(self, group_id: str, node_group_id: str) -> None:
        self._client.test_failover(ReplicationGroupId=group_id, NodeGroupId=node_group_id, aws_retry=True)

    @Handler.deletion_error_handler("delete replication group")  # type: ignore[untyped-decorator]
    def delete_group(self, group_id: str, final_snapshot: str | None) -> bool:
        extra = {"FinalSnapshotIdentifier": final_snapshot} if final_snapshot else {}
        self._client.delete_replication_group(
            ReplicationGroupId=group_id, RetainPrimaryCluster=False, aws_retry=True, **extra
        )
        return True

    @Handler.common_error_handler("tag")  # type: ignore[untyped-decorator]
    def tag(self, arn: str, tags: dict[str, str]) -> None:
        self._client.add_tags_to_resource(ResourceName=arn, Tags=ansible_dict_to_boto3_tag_list(tags), aws_retry=True)

    @Handler.common_error_handler("untag")  # type: ignore[untyped-decorator]
    def untag(self, arn: str, keys: list[str]) -> None:
        self._client.remove_tags_from_resource(ResourceName=arn, TagKeys=keys, aws_retry=True)

    @Handler.common_error_handler("describe events")  # type: ignore[untyped-decorator]
    def events(self, source_type: str, source: str) -> list[str]:
        """What ElastiCache said about an object in the last hour, oldest first."""
        answer = self._client.describe_events(
            SourceType=source_type, SourceIdentifier=source, Duration=EVENT_MINUTES, aws_retry=True
        )
        return [event["Message"] for event in answer.get("Events", []) if event.get("Message")]

    # Subnet and parameter groups

    @Handler.list_error_handler("describe cache subnet group", None)  # type: ignore[untyped-decorator]
    def describe_subnet_group(self, name: str) -> Raw | None:
        answer = self._client.describe_cache_subnet_groups(CacheSubnetGroupName=name, aws_retry=True)
        groups: list[Raw] = answer.get("CacheSubnetGroups", [])
        return groups[0] if groups else None

    @Handler.list_error_handler("describe cache parameter group", None)  # type: ignore[untyped-decorator]
    def describe_parameter_group(self, name: str) -> Raw | None:
        answer = self._client.describe_cache_parameter_groups(CacheParameterGroupName=name, aws_retry=True)
        groups: list[Raw] = answer.get("CacheParameterGroups", [])
        return groups[0] if groups else None

    @Handler.list_error_handler("describe cache parameters", [])  # type: ignore[untyped-decorator]
    def parameters(self, name: str) -> list[Raw]:
        found: list[Raw] = []
        marker: dict[str, str] = {}
        while True:
            answer = self._client.describe_cache_parameters(CacheParameterGroupName=name, aws_retry=True, **marker)
            found += answer.get("Parameters", [])
            if not answer.get("Marker"):
                return found
            marker = {"Marker": answer["Marker"]}

    @Handler.common_error_handler("create cache parameter group")  # type: ignore[untyped-decorator]
    def create_parameter_group(self, name: str, family: str, description: str, tags: dict[str, str]) -> None:
        self._client.create_cache_parameter_group(
            CacheParameterGroupName=name,
            CacheParameterGroupFamily=family,
            Description=description,
            Tags=ansible_dict_to_boto3_tag_list(tags),
            aws_retry=True,
        )

    @Handler.common_error_handler("modify cache parameter group")  # type: ignore[untyped-decorator]
    def set_parameters(self, name: str, values: dict[str, str]) -> None:
        pairs = [{"ParameterName": key, "ParameterValue": value} for key, value in values.items()]
        for start in range(0, len(pairs), PARAMETERS_PER_CALL):
            self._client.modify_cache_parameter_group(
                CacheParameterGroupName=name,
                ParameterNameValues=pairs[start : start + PARAMETERS_PER_CALL],
                aws_retry=True,
            )

    @Handler.deletion_error_handler("delete cache parameter group")  # type: ignore[untyped-decorator]
    def delete_parameter_group(self, name: str) -> bool:
        self._client.delete_cache_parameter_group(CacheParameterGroupName=name, aws_retry=True)
        return True
