"""The legacy host against moto: made once, resumed after a failure at any point, replaced with its image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sandbox import legacy, tls
from sandbox.errors import SandboxError
from sandbox.settings import REGION, Paths

KEY = "ssh-ed25519 AAAAC3"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield lambda service: boto3.client(service, region_name=REGION)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Stands for the host itself; what was sent to it."""
    sent: list[str] = []
    monkeypatch.setattr(legacy.net, "wait_for_port", lambda *_args: True)
    monkeypatch.setattr(legacy.remote, "host_keys", lambda *_args: [KEY])
    tls.ensure(Paths(root=tmp_path))
    monkeypatch.setattr(legacy.remote.Host, "run", lambda _self, _command, stdin="": sent.append(stdin))
    return sent


def image(aws: Any, place: int = 0) -> str:
    return str(aws("ec2").describe_images()["Images"][place]["ImageId"])


def secret(aws: Any, what: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(
        aws("secretsmanager").get_secret_value(SecretId=f"tiketi/legacy/{what}")["SecretString"]
    )
    return value


def ensure(aws: Any, tmp_path: Path, place: int = 0) -> legacy.Legacy:
    return legacy.ensure(aws, image(aws, place), Paths(root=tmp_path), lambda _text: None)


def test_it_is_made_once_with_tags_and_secrets(aws: Any, host: list[str], tmp_path: Path) -> None:
    made = ensure(aws, tmp_path)
    assert made.changed
    assert not ensure(aws, tmp_path).changed
    (reservation,) = aws("ec2").describe_instances()["Reservations"]
    tags = {tag["Key"]: tag["Value"] for tag in reservation["Instances"][0]["Tags"]}
    assert tags == {**legacy.HOST_TAGS, "SshHostKey": KEY}
    login = secret(aws, "postgres")
    assert (login["host"], login["username"], login["dbname"]) == (made.address, "tiketi", "tiketi")
    assert len(host) == 1
    assert host[0].splitlines()[:2] == [login["password"], secret(aws, "redis")["token"]]


def test_a_run_that_failed_is_resumed_on_the_same_host(
    aws: Any, host: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any, **_options: Any) -> None:
        raise SandboxError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(legacy.remote.Host, "run", fail)
        with pytest.raises(SandboxError):
            ensure(aws, tmp_path)
    assert ensure(aws, tmp_path).changed
    assert len(aws("ec2").describe_instances()["Reservations"]) == 1
    assert len(aws("ec2").describe_vpcs(Filters=[{"Name": "tag:Project", "Values": ["tiketi"]}])["Vpcs"]) == 1
    assert len(host) == 1


def test_another_image_replaces_it_and_keeps_the_password(aws: Any, host: list[str], tmp_path: Path) -> None:
    ensure(aws, tmp_path)
    before = secret(aws, "postgres")
    assert ensure(aws, tmp_path, place=1).changed
    states = [r["Instances"][0]["State"]["Name"] for r in aws("ec2").describe_instances()["Reservations"]]
    assert sorted(states) == ["running", "terminated"]
    after = secret(aws, "postgres")
    assert after["password"] == before["password"]
    assert after["host"] != before["host"]


def test_a_host_that_is_called_running_and_is_gone_is_replaced(
    aws: Any, host: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = ensure(aws, tmp_path).address
    monkeypatch.setattr(legacy.net, "wait_for_port", lambda address, *_args: address != gone)
    after = ensure(aws, tmp_path)
    assert after.changed
    assert after.address != gone
    states = [r["Instances"][0]["State"]["Name"] for r in aws("ec2").describe_instances()["Reservations"]]
    assert sorted(states) == ["running", "terminated"]
    assert secret(aws, "postgres")["host"] == after.address
    assert not ensure(aws, tmp_path).changed


def test_one_that_was_just_started_is_given_time_and_a_new_one_that_is_silent_is_an_error(
    aws: Any, host: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float] = []

    def silent(_address: str, _port: int, limit: float) -> bool:
        limits.append(limit)
        return False

    with monkeypatch.context() as broken:
        broken.setattr(legacy.net, "wait_for_port", silent)
        for _ in range(2):
            with pytest.raises(SandboxError, match="does not answer SSH"):
                ensure(aws, tmp_path)
    first, again, *_ = limits
    assert first == legacy.BOOT_LIMIT
    assert legacy.BOOT_LIMIT - 10 < again <= legacy.BOOT_LIMIT
    assert ensure(aws, tmp_path).changed
