"""The key that an alias names. The services take an alias and answer the ARN of its key, so only keys can be compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.errors import AWSErrorHandler
from ansible_collections.amazon.aws.plugins.module_utils.exceptions import AnsibleAWSError

PREFIX = "alias/"


class KmsError(AnsibleAWSError):  # type: ignore[misc]
    """An alias that names no usable key, or a question that KMS refused."""


class KmsErrorHandler(AWSErrorHandler):  # type: ignore[misc]
    _CUSTOM_EXCEPTION = KmsError

    @classmethod
    def _is_missing(cls) -> Any:
        return is_boto3_error_code("NotFoundException")


def is_alias(name: str | None) -> bool:
    """alias/x, or the ARN of one."""
    return bool(name) and str(name).rpartition(":")[2].startswith(PREFIX)


@KmsErrorHandler.list_error_handler("describe the key of an alias", None)  # type: ignore[untyped-decorator]
def _describe(client: Any, name: str) -> dict[str, Any] | None:
    metadata: dict[str, Any] = client.describe_key(KeyId=name, aws_retry=True)["KeyMetadata"]
    return metadata


def resolved(name: str | None, client: Callable[[], Any]) -> str | None:
    """The ARN of the key when the name is an alias, else the name as it is. KMS is asked only about an alias."""
    if name is None or not is_alias(name):
        return name
    found = _describe(client(), name)
    if found is None:
        raise KmsError(
            message=f"kms_key_id {name} names no key in this region. Mend: make the alias, or give the key's own id or ARN"
        )
    if found.get("KeyState", "Enabled") != "Enabled":
        raise KmsError(message=f"kms_key_id {name} names the key {found['Arn']}, which is {found['KeyState']}")
    return str(found["Arn"])
