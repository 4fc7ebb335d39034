"""Runs modules, with their argument specs, against moto's EC2."""

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
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield boto3.client("ec2", region_name=REGION)


@pytest.fixture
def run(ec2: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    def runner(module: str, *, check: bool = False, **params: Any) -> dict[str, Any]:
        collection, _, name = module.rpartition(".")
        keys = {"access_key": "emulator", "secret_key": "emulator-key", "region": REGION}
        with patch_module_args({**params, **keys, "_ansible_check_mode": check}), pytest.raises(SystemExit):
            import_module(f"ansible_collections.{collection}.plugins.modules.{name}").main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return runner
