# ruff: noqa: S106  (the token here is made up)
"""elasticache_replication_group against moto, whose answers are not written by us.

Moto makes no member clusters and lets a deleted group stand in status deleting, so what hangs on these is tested by fake.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import boto3
import pytest
from ansible.module_utils.testing import patch_module_args
from moto import mock_aws

REGION = "ap-northeast-2"
KEYS = {"access_key": "emulator", "secret_key": "emulator", "region": REGION}
WANTED: dict[str, Any] = {
    "replication_group_id": "shop",
    "description": "sessions",
    "engine": "redis",
    "node_type": "cache.t4g.small",
    "replica_count": 0,
    "snapshot_retention_limit": 5,
    "transit_encryption_mode": "required",
    "at_rest_encryption_enabled": True,
    "auth_token": "0123456789abcdef",
    "auth_token_version": "v1",
    "tags": {"Project": "shop"},
}
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def group(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    module = import_module("ansible_collections.tiketi.platform.plugins.modules.elasticache_replication_group")

    def run(*, check: bool = False, **params: Any) -> dict[str, Any]:
        args = {**params, **KEYS, "_ansible_check_mode": check, "wait_timeout": 5}
        with patch_module_args(args), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    with mock_aws():
        yield run


def existing() -> list[dict[str, Any]]:
    client = boto3.client("elasticache", REGION, aws_access_key_id="emulator", aws_secret_access_key="emulator")
    found: list[dict[str, Any]] = client.describe_replication_groups()["ReplicationGroups"]
    return found


def test_create_and_again_with_and_without_check_mode(group: Run) -> None:
    assert group(check=True, **WANTED)["changed"]
    assert existing() == []
    created = group(**WANTED)
    assert created["changed"], created
    assert created["replication_group"]["auth_token_enabled"]
    assert created["replication_group"]["tags"] == {"Project": "shop", "AuthTokenVersion": "v1"}
    for check in (True, False):
        again = group(check=check, **WANTED)
        assert again["changed"] is False, again


def test_modify_and_again_with_and_without_check_mode(group: Run) -> None:
    group(**WANTED)
    changed = {**WANTED, "node_type": "cache.t4g.medium", "snapshot_retention_limit": 7, "tags": {"Stage": "prod"}}
    assert group(check=True, **changed)["changed"]
    assert existing()[0]["CacheNodeType"] == "cache.t4g.small"
    assert group(**changed)["changed"]
    assert existing()[0]["CacheNodeType"] == "cache.t4g.medium"
    for check in (True, False):
        assert group(check=check, **changed)["changed"] is False


def test_delete_and_absent_with_and_without_check_mode(group: Run) -> None:
    gone = {"replication_group_id": "shop", "state": "absent", "skip_final_snapshot": True, "wait": False}
    for check in (True, False):
        assert group(check=check, **gone)["changed"] is False
    group(**WANTED)
    assert group(check=True, **gone)["changed"]
    assert existing()[0]["Status"] == "available"
    assert group(**gone)["changed"]
    assert existing()[0]["Status"] == "deleting"
    assert group(**gone)["changed"] is False
