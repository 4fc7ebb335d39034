"""What can go wrong with RDS, as one exception type."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.errors import AWSErrorHandler
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError

NOT_FOUND = [
    "DBClusterNotFoundFault",
    "DBClusterParameterGroupNotFound",
    "DBClusterSnapshotNotFoundFault",
    "DBInstanceNotFound",
    "DBParameterGroupNotFound",
    "DBSubnetGroupNotFoundFault",
]


class AuroraError(AnsibleAWSError):  # type: ignore[misc]
    """A failed call or a wait that ended badly."""


class FaultyWishError(AuroraError):
    """What was asked for cannot be had; every fault is named at once."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__(message="; ".join(faults))


class RDSErrorHandler(AWSErrorHandler):  # type: ignore[misc]
    _CUSTOM_EXCEPTION = AuroraError

    @classmethod
    def _is_missing(cls) -> Any:
        return is_boto3_error_code(NOT_FOUND)
