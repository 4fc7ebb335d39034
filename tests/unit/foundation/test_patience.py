"""Modules of AWS wait when AWS asks for patience, and know its other partitions."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._ec2_host.wait import Ec2Consoles
from ansible_collections.tiketi.platform.plugins.module_utils._foundation import api, look
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.aws import CREDENTIALS, check_account
from ansible_collections.tiketi.platform.plugins.module_utils._secret.api import SecretsManager
from botocore.exceptions import ClientError


class Busy:
    """An AWS that refuses the first call of each kind for its rate."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers, self.calls = answers, []  # type: ignore[var-annotated]

    def __getattr__(self, name: str) -> Any:
        def call(**_options: Any) -> Any:
            self.calls.append(name)
            if self.calls.count(name) == 1:
                raise ClientError({"Error": {"Code": "RequestLimitExceeded", "Message": "slowly"}}, name)
            return self.answers[name]

        return call


@pytest.fixture(autouse=True)
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)


def test_the_look_at_the_account_waits() -> None:
    iam = Busy(
        {
            "get_role": {"Role": {}},
            "get_instance_profile": {"InstanceProfile": {}},
            "list_attached_role_policies": {"AttachedPolicies": [{"PolicyArn": "arn"}]},
        }
    )
    assert api.read_identity(iam, "t").policies == ["arn"]


def test_the_look_at_a_console_waits() -> None:
    assert Ec2Consoles(Busy({"get_console_output": {"Output": "x"}})).output("i-1") == "x"
    assert Ec2Consoles(Busy({"describe_instances": {"Reservations": []}})).state("i-1") == "terminated"


def test_the_look_at_secrets_waits() -> None:
    answers = {"describe_secret": {"Tags": []}, "get_secret_value": {"SecretString": "{}"}}
    assert list(SecretsManager(Busy(answers)).read(["t/a"])) == ["t/a"]


def test_a_region_of_another_partition_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    objects = {region: check_account(region)[1][0].object for region in ("cn-north-1", "us-gov-west-1", "mars-east-1")}
    assert objects == {"cn-north-1": CREDENTIALS, "us-gov-west-1": CREDENTIALS, "mars-east-1": "platform_region"}


def test_managed_policies_are_named_in_the_partition_of_the_caller() -> None:
    iam: Any = Busy({})
    iam.meta = type("Meta", (), {"partition": "aws-cn"})
    iam.answers = {
        "get_role": {"Role": {}},
        "get_instance_profile": {"InstanceProfile": {}},
        "list_attached_role_policies": {"AttachedPolicies": []},
    }
    seen = look.look_at_identity(
        iam, {"project": "t", "stage": "k3s", "policies": ["arn:aws:iam::aws:policy/ecr", "arn:aws:iam::1:policy/own"]}
    )
    assert seen["desired"]["policies"] == ["arn:aws-cn:iam::aws:policy/ecr", "arn:aws:iam::1:policy/own"]


def test_a_stage_without_hosts_needs_no_key(ec2: Any) -> None:
    import boto3  # noqa: PLC0415 - after moto has taken its place

    params = {
        "project": "t", "stage": "k3s", "hosts": [], "known": [], "found": {}, "profile": "p", "public_key": "",
        "subnets": {"private": [], "public": []}, "security_group_ids": [],
    }  # fmt: skip
    seen = look.look_at_hosts(ec2, boto3.client("ssm", region_name="ap-northeast-2"), params)
    assert (seen["drift"], seen["notes"], seen["known_hosts"]) == ([], [], "")
