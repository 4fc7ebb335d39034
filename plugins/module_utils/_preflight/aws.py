"""Who calls AWS, and whether the region answers to them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault

CREDENTIALS = "AWS credentials"
EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
BUSY = (
    "Throttling",
    "ThrottlingException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Unavailable",
    "InternalError",
    "InternalFailure",
)
REFUSED = ("AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch")


def check_account(region: str) -> tuple[str, list[Fault]]:
    """Return the ARN of the caller, or why there is none."""
    try:
        import boto3  # noqa: PLC0415 - its absence is one of the answers
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError as error:
        return "", [Fault("controller", f"{error.name} is not installed", "uv sync, or pip install boto3")]
    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
    session = boto3.session.Session(region_name=region)
    known = {part: session.get_available_regions("ec2", part) for part in session.get_available_partitions()}
    if not any(region in regions for regions in known.values()):
        usual = ", ".join(known.get("aws", []))
        return "", [Fault("platform_region", f"{region} is not a region of AWS", f"one of {usual}")]
    try:
        caller = str(session.client("sts", config=config).get_caller_identity()["Arn"])
        session.client("ec2", config=config).describe_availability_zones()
    except ClientError as error:
        return "", [_refusal(error, region)]
    except BotoCoreError as error:
        return "", [_unreachable(error, region)]
    return caller, []


def absent_secrets(region: str, names: Collection[str]) -> list[str]:
    """Return those that Secrets Manager does not have, as far as it answers; why it does not, check_account says."""
    if not names:
        return []
    try:
        import boto3  # noqa: PLC0415 - its absence is check_account's to say
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
    except ImportError:
        return []
    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1})
    absent: list[str] = []
    try:
        client = boto3.session.Session(region_name=region).client("secretsmanager", config=config)
        for name in names:
            try:
                # A secret that waits for its deletion cannot be read any more.
                gone = "DeletedDate" in client.describe_secret(SecretId=name)
            except ClientError as error:
                gone = error.response["Error"]["Code"] == "ResourceNotFoundException"
            absent += [name] if gone else []
    except BotoCoreError:
        return []
    return absent


def _refusal(error: Any, region: str) -> Fault:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code in EXPIRED:
        return Fault(
            CREDENTIALS, "have expired", "sign in again: aws sso login, or new keys, then run the same command"
        )
    if code == "OptInRequired" or (code == "AuthFailure" and error.operation_name != "GetCallerIdentity"):
        return Fault(
            "platform_region", f"{region} is not enabled for this account", "enable it in the account, or use another"
        )
    if code in BUSY:
        return Fault(
            "AWS", f"has no time for {error.operation_name} ({code})", "run the same command again in a minute"
        )
    if code in REFUSED:
        return Fault(CREDENTIALS, f"are refused ({code}: {message})", "check AWS_PROFILE or the AWS_* variables")
    return Fault(CREDENTIALS, f"do not allow {error.operation_name} ({code}: {message})", "use a role that may do it")


def _unreachable(error: Any, region: str) -> Fault:
    name = type(error).__name__
    if name in ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"):
        return Fault(
            CREDENTIALS, f"were not found ({error})", "set AWS_PROFILE, or source .sandbox/env to use the sandbox"
        )
    if name in ("TokenRetrievalError", "UnauthorizedSSOTokenError", "SSOTokenLoadError"):
        return Fault(CREDENTIALS, f"have expired ({error})", "aws sso login, then run the same command")
    return Fault(
        "platform_region", f"AWS does not answer in {region} ({error})", "check network, proxy and AWS_ENDPOINT_URL"
    )
