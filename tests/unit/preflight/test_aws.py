"""What AWS refuses is named with the mend that fits, without a call to AWS."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.tiketi.platform.plugins.action import preflight
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.aws import absent_secrets, check_account
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.check import Stage
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    UnauthorizedSSOTokenError,
)

REGION = "ap-northeast-2"
ARN = "arn:aws:iam::123456789012:user/me"
GOOD: Callable[[], dict[str, str]] = lambda: {"Arn": ARN}  # noqa: E731 - a row of a table


def refuses(code: str, operation: str) -> Callable[[], Any]:
    def call() -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    return call


def breaks(error: Exception) -> Callable[[], Any]:
    def call() -> Any:
        raise error

    return call


def answer(monkeypatch: pytest.MonkeyPatch, **clients: Any) -> None:
    session = SimpleNamespace(
        get_available_partitions=lambda: ["aws"],
        get_available_regions=lambda _service, _partition: [REGION],
        client=lambda name, config: clients[name],
    )
    monkeypatch.setattr(boto3.session, "Session", lambda region_name: session)


@pytest.mark.parametrize(
    ("caller", "zones", "object_", "what", "mend"),
    [
        (refuses("ExpiredToken", "GetCallerIdentity"), GOOD, "AWS credentials", "have expired", "aws sso login"),
        (refuses("InvalidClientTokenId", "GetCallerIdentity"), GOOD, "AWS credentials", "are refused", "AWS_PROFILE"),
        (refuses("AuthFailure", "GetCallerIdentity"), GOOD, "AWS credentials", "are refused", "AWS_PROFILE"),
        (GOOD, refuses("OptInRequired", "DescribeAvailabilityZones"), "platform_region", "not enabled", "enable it"),
        (GOOD, refuses("AuthFailure", "DescribeAvailabilityZones"), "platform_region", "not enabled", "enable it"),
        (
            GOOD,
            refuses("UnauthorizedOperation", "DescribeAvailabilityZones"),
            "AWS credentials",
            "do not allow DescribeAvailabilityZones",
            "a role that may do it",
        ),
        (refuses("ThrottlingException", "GetCallerIdentity"), GOOD, "AWS", "has no time", "in a minute"),
        (GOOD, refuses("RequestLimitExceeded", "DescribeAvailabilityZones"), "AWS", "has no time", "in a minute"),
        (breaks(UnauthorizedSSOTokenError()), GOOD, "AWS credentials", "have expired", "aws sso login"),
        (breaks(NoCredentialsError()), GOOD, "AWS credentials", "were not found", "AWS_PROFILE"),
        (
            breaks(EndpointConnectionError(endpoint_url="http://x")),
            GOOD,
            "platform_region",
            "does not answer",
            "AWS_ENDPOINT_URL",
        ),
        (
            GOOD,
            breaks(ConnectTimeoutError(endpoint_url="http://x")),
            "platform_region",
            "does not answer",
            "AWS_ENDPOINT_URL",
        ),
    ],
)
def test_each_refusal_has_its_mend(
    monkeypatch: pytest.MonkeyPatch,
    caller: Callable[[], Any],
    zones: Callable[[], Any],
    object_: str,
    what: str,
    mend: str,
) -> None:
    answer(
        monkeypatch,
        sts=SimpleNamespace(get_caller_identity=caller),
        ec2=SimpleNamespace(describe_availability_zones=zones),
    )
    arn, [fault] = check_account(REGION)
    assert (arn, fault.object) == ("", object_)
    assert what in fault.what
    assert mend in fault.mend


def test_the_caller_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(
        monkeypatch,
        sts=SimpleNamespace(get_caller_identity=GOOD),
        ec2=SimpleNamespace(describe_availability_zones=GOOD),
    )
    assert check_account(REGION) == (ARN, [])


def test_a_region_that_aws_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch)
    _arn, [fault] = check_account("eu-nowhere-1")
    assert (fault.object, fault.mend) == ("platform_region", f"one of {REGION}")


def test_secrets_that_are_not_there_and_that_wait_for_their_deletion(monkeypatch: pytest.MonkeyPatch) -> None:
    def describe(SecretId: str) -> dict[str, Any]:  # noqa: N803 - the name of boto3
        codes = {"none": "ResourceNotFoundException", "hidden": "AccessDeniedException"}
        if SecretId in codes:
            refuses(codes[SecretId], "DescribeSecret")()
        return {"DeletedDate": 1} if SecretId == "deleted" else {}

    answer(monkeypatch, secretsmanager=SimpleNamespace(describe_secret=describe))
    assert absent_secrets(REGION, ["none", "there", "deleted", "hidden"]) == ["none", "deleted"]
    assert absent_secrets(REGION, []) == []


def test_an_endpoint_that_does_not_answer_says_nothing_of_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    error = EndpointConnectionError(endpoint_url="http://x")
    answer(monkeypatch, secretsmanager=SimpleNamespace(describe_secret=lambda **_name: breaks(error)()))
    assert absent_secrets(REGION, ["a"]) == []


def test_the_play_prints_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "check_account", lambda _region: (ARN, []))
    monkeypatch.setattr(preflight, "check", lambda *_inputs: iter(()))
    monkeypatch.setattr(preflight, "hints", lambda *_inputs: iter(()))
    monkeypatch.setattr(preflight.ActionModule, "_stage", lambda *_inputs: Stage({}, {}, none, none, bool))
    monkeypatch.setattr(ActionBase, "run", lambda *_inputs: {})
    action = object.__new__(preflight.ActionModule)
    arguments = {"region": REGION, "account": True, "playbook": "site.yml"}
    monkeypatch.setattr(preflight.ActionModule, "validate_argument_spec", lambda *_spec: (None, arguments))
    result = action.run(task_vars={})
    assert result["caller"] == ARN
    assert result["msg"] == f"Inputs are sound. AWS is called as {ARN} in {REGION}."
    assert result["_ansible_verbose_always"]


def none(*_inputs: Any) -> None:
    return None
