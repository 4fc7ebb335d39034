"""What can go wrong with a site's bucket and files, as one exception type."""

from __future__ import annotations

from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.errors import AWSErrorHandler
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError

# What a bucket lacks is told by a code of its own for each kind.
NOT_FOUND = [
    "404",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchKey",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "OwnershipControlsNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
]


class SiteError(AnsibleAWSError):  # type: ignore[misc]
    """A failed call or a wish that cannot be had."""


class FaultyWishError(SiteError):
    """What was asked for cannot be had; every fault is named at once."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__(message="; ".join(faults))


class SiteErrorHandler(AWSErrorHandler):  # type: ignore[misc]
    _CUSTOM_EXCEPTION = SiteError

    @classmethod
    def _is_missing(cls) -> Any:
        return is_boto3_error_code(NOT_FOUND)

    @classmethod
    def refuse_rest(cls, bucket: str, errors: list[dict[str, Any]]) -> None:
        """A call about many objects answers 200 and names those that it left alone."""
        if errors:
            first = errors[0]
            raise SiteError(
                message=f"{len(errors)} objects of bucket {bucket} were not removed, first {first.get('Key')}:"
                f" {first.get('Code')} {first.get('Message')}"
            )
