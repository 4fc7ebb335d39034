"""The calls to CloudFront: short functions that retry, translate errors and answer plain dictionaries."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)

from .errors import CloudFrontErrorHandler as Handler

Raw = dict[str, Any]
Found = tuple[Raw, str]  # what was read, and the ETag that a change of it must name

RETRY = AWSRetry.jittered_backoff(retries=6, delay=1, max_delay=10)


class CloudFront:
    """The account's CloudFront, by the client of AnsibleAWSModule."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def _all(self, call: str, answer_key: str, **options: Any) -> list[Raw]:
        found: list[Raw] = []
        marker: dict[str, str] = {}
        while True:
            answer = getattr(self._client, call)(aws_retry=True, **options, **marker)[answer_key]
            found += answer.get("Items") or []
            if not answer.get("NextMarker"):
                return found
            marker = {"Marker": answer["NextMarker"]}

    # Origin access controls

    @Handler.common_error_handler("list origin access controls")  # type: ignore[untyped-decorator]
    def access_controls(self) -> list[Raw]:
        return self._all("list_origin_access_controls", "OriginAccessControlList")

    @Handler.list_error_handler("read origin access control", None)  # type: ignore[untyped-decorator]
    def access_control(self, control_id: str) -> Found | None:
        answer = self._client.get_origin_access_control(Id=control_id, aws_retry=True)
        return answer["OriginAccessControl"], answer["ETag"]

    @Handler.common_error_handler("create origin access control")  # type: ignore[untyped-decorator]
    def create_access_control(self, config: Raw) -> str:
        answer = self._client.create_origin_access_control(OriginAccessControlConfig=config, aws_retry=True)
        return str(answer["OriginAccessControl"]["Id"])

    @Handler.common_error_handler("change origin access control")  # type: ignore[untyped-decorator]
    def update_access_control(self, control_id: str, etag: str, config: Raw) -> None:
        self._client.update_origin_access_control(
            Id=control_id, IfMatch=etag, OriginAccessControlConfig=config, aws_retry=True
        )

    @Handler.common_error_handler("delete origin access control")  # type: ignore[untyped-decorator]
    def delete_access_control(self, control_id: str, etag: str) -> None:
        self._client.delete_origin_access_control(Id=control_id, IfMatch=etag, aws_retry=True)

    # Functions

    @Handler.list_error_handler("describe function", None)  # type: ignore[untyped-decorator]
    def function(self, name: str, stage: str) -> Found | None:
        answer = self._client.describe_function(Name=name, Stage=stage, aws_retry=True)
        return answer["FunctionSummary"], answer["ETag"]

    @Handler.common_error_handler("read code of function")  # type: ignore[untyped-decorator]
    def function_code(self, name: str, stage: str) -> str:
        body = self._client.get_function(Name=name, Stage=stage, aws_retry=True)["FunctionCode"]
        content = body.read() if hasattr(body, "read") else body
        return str(content.decode("utf-8"))

    @Handler.common_error_handler("create function")  # type: ignore[untyped-decorator]
    def create_function(self, name: str, config: Raw, code: str) -> str:
        answer = self._client.create_function(
            Name=name, FunctionConfig=config, FunctionCode=code.encode(), aws_retry=True
        )
        return str(answer["ETag"])

    @Handler.common_error_handler("change function")  # type: ignore[untyped-decorator]
    def update_function(self, name: str, etag: str, config: Raw, code: str) -> str:
        answer = self._client.update_function(
            Name=name, IfMatch=etag, FunctionConfig=config, FunctionCode=code.encode(), aws_retry=True
        )
        return str(answer["ETag"])

    @Handler.common_error_handler("publish function")  # type: ignore[untyped-decorator]
    def publish_function(self, name: str, etag: str) -> None:
        self._client.publish_function(Name=name, IfMatch=etag, aws_retry=True)

    @Handler.common_error_handler("delete function")  # type: ignore[untyped-decorator]
    def delete_function(self, name: str, etag: str) -> None:
        self._client.delete_function(Name=name, IfMatch=etag, aws_retry=True)

    # VPC origins

    @Handler.common_error_handler("list VPC origins")  # type: ignore[untyped-decorator]
    def vpc_origins(self) -> list[Raw]:
        return self._all("list_vpc_origins", "VpcOriginList")

    @Handler.list_error_handler("read VPC origin", None)  # type: ignore[untyped-decorator]
    def vpc_origin(self, origin_id: str) -> Found | None:
        answer = self._client.get_vpc_origin(Id=origin_id, aws_retry=True)
        return answer["VpcOrigin"], answer["ETag"]

    @Handler.common_error_handler("create VPC origin")  # type: ignore[untyped-decorator]
    def create_vpc_origin(self, config: Raw, tags: dict[str, str]) -> str:
        made = self._client.create_vpc_origin(
            VpcOriginEndpointConfig=config, Tags={"Items": ansible_dict_to_boto3_tag_list(tags)}, aws_retry=True
        )
        return str(made["VpcOrigin"]["Id"])

    @Handler.common_error_handler("delete VPC origin")  # type: ignore[untyped-decorator]
    def delete_vpc_origin(self, origin_id: str, etag: str) -> None:
        self._client.delete_vpc_origin(Id=origin_id, IfMatch=etag, aws_retry=True)

    # Distributions

    @Handler.common_error_handler("list distributions")  # type: ignore[untyped-decorator]
    def distributions(self) -> list[Raw]:
        return self._all("list_distributions", "DistributionList")

    @Handler.list_error_handler("read distribution", None)  # type: ignore[untyped-decorator]
    def distribution(self, distribution_id: str) -> Found | None:
        answer = self._client.get_distribution(Id=distribution_id, aws_retry=True)
        return answer["Distribution"], answer["ETag"]

    @Handler.list_error_handler("list tags of distribution", {})  # type: ignore[untyped-decorator]
    def tags(self, arn: str) -> dict[str, str]:
        answer = self._client.list_tags_for_resource(Resource=arn, aws_retry=True)
        return dict(boto3_tag_list_to_ansible_dict(answer["Tags"].get("Items") or []))

    @Handler.common_error_handler("create distribution")  # type: ignore[untyped-decorator]
    def create_distribution(self, config: Raw, tags: dict[str, str]) -> Raw:
        request = {"DistributionConfig": config, "Tags": {"Items": ansible_dict_to_boto3_tag_list(tags)}}
        made: Raw = self._client.create_distribution_with_tags(DistributionConfigWithTags=request, aws_retry=True)
        return dict(made["Distribution"])

    @Handler.common_error_handler("change distribution")  # type: ignore[untyped-decorator]
    def update_distribution(self, distribution_id: str, etag: str, config: Raw) -> None:
        self._client.update_distribution(Id=distribution_id, IfMatch=etag, DistributionConfig=config, aws_retry=True)

    @Handler.common_error_handler("delete distribution")  # type: ignore[untyped-decorator]
    def delete_distribution(self, distribution_id: str, etag: str) -> None:
        self._client.delete_distribution(Id=distribution_id, IfMatch=etag, aws_retry=True)

    @Handler.common_error_handler("tag distribution")  # type: ignore[untyped-decorator]
    def tag(self, arn: str, tags: dict[str, str]) -> None:
        self._client.tag_resource(Resource=arn, Tags={"Items": ansible_dict_to_boto3_tag_list(tags)}, aws_retry=True)

    @Handler.common_error_handler("untag distribution")  # type: ignore[untyped-decorator]
    def untag(self, arn: str, names: list[str]) -> None:
        self._client.untag_resource(Resource=arn, TagKeys={"Items": names}, aws_retry=True)

    def shape_faults(self, config: Raw) -> list[str]:
        """What botocore's model of the API says against a configuration, without a request."""
        from botocore.validate import ParamValidator  # noqa: PLC0415 - there once a client is there

        shape = self._client.meta.service_model.shape_for("DistributionConfig")
        report = str(ParamValidator().validate(config, shape).generate_report())
        return [line for line in report.splitlines() if line]

    # Invalidations

    @Handler.common_error_handler("create invalidation")  # type: ignore[untyped-decorator]
    def create_invalidation(self, distribution_id: str, paths: list[str], reference: str) -> str:
        batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": reference}
        answer = self._client.create_invalidation(
            DistributionId=distribution_id, InvalidationBatch=batch, aws_retry=True
        )
        return str(answer["Invalidation"]["Id"])

    @Handler.common_error_handler("read invalidation")  # type: ignore[untyped-decorator]
    def invalidation_status(self, distribution_id: str, invalidation_id: str) -> str:
        answer = self._client.get_invalidation(DistributionId=distribution_id, Id=invalidation_id, aws_retry=True)
        return str(answer["Invalidation"]["Status"])
