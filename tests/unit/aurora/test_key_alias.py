# ruff: noqa: S106  (the keys here are made up)
"""A key that is wanted by its alias, against moto's KMS: the services answer the key's ARN, never the alias."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry, RetryingBotoClientWrapper
from ansible_collections.tiketi.platform.plugins.module_utils._kms.alias import KmsError, is_alias, resolved
from moto import mock_aws


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("kms", "eu-west-1", aws_access_key_id="emulator", aws_secret_access_key="emulator")
        yield RetryingBotoClientWrapper(client, AWSRetry.jittered_backoff(retries=1))


def never() -> Any:
    raise AssertionError("KMS is asked about something that is no alias")


@pytest.mark.parametrize("name", [None, "", "1234", "arn:aws:kms:eu-west-1:111122223333:key/alias-like"])
def test_what_is_no_alias_stays_as_it_is(name: str | None) -> None:
    assert resolved(name, never) == name


@pytest.mark.parametrize("name", ["alias/shop", "alias/aws/rds", "arn:aws:kms:eu-west-1:111122223333:alias/shop"])
def test_an_alias_is_known(name: str) -> None:
    assert is_alias(name)


def test_an_alias_becomes_the_arn_of_its_key(kms: Any) -> None:
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/shop", TargetKeyId=key["KeyId"])
    assert resolved("alias/shop", lambda: kms) == key["Arn"]


def test_an_alias_of_nothing_and_a_key_that_goes_are_errors(kms: Any) -> None:
    with pytest.raises(KmsError) as error:
        resolved("alias/none", lambda: kms)
    assert "alias/none names no key in this region. Mend:" in error.value.message
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/shop", TargetKeyId=key["KeyId"])
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    with pytest.raises(KmsError) as error:
        resolved("alias/shop", lambda: kms)
    assert "PendingDeletion" in error.value.message
