"""What can go wrong with ElastiCache, as one exception type."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.errors import AWSErrorHandler
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError

NOT_FOUND = [
    "CacheClusterNotFound",
    "CacheParameterGroupNotFound",
    "CacheSubnetGroupNotFoundFault",
    "ReplicationGroupNotFoundFault",
    "ResourceNotFoundException",
]


class AnsibleElastiCacheError(AnsibleAWSError):  # type: ignore[misc]
    """A refused request, a failed call or a wait that ended badly."""


class FaultyRequestError(AnsibleElastiCacheError):
    """What was asked for cannot be had; every fault is named at once."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__(message="; ".join(faults))


class ElastiCacheErrorHandler(AWSErrorHandler):  # type: ignore[misc]
    _CUSTOM_EXCEPTION = AnsibleElastiCacheError

    @classmethod
    def _is_missing(cls) -> Any:
        return is_boto3_error_code(NOT_FOUND)
