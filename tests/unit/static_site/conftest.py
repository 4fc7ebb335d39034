# ruff: noqa: S106  (the keys here are made up)
"""Runs the modules, with their argument specs, against moto's S3, and a small site in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import pytest
from ansible.module_utils.testing import patch_module_args
from moto import mock_aws

REGION = "ap-northeast-2"
MODULES = "ansible_collections.tiketi.platform.plugins.modules"
Run = Callable[..., dict[str, Any]]


def client(region: str = REGION) -> Any:
    return boto3.client("s3", region, aws_access_key_id="emulator", aws_secret_access_key="emulator")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    def runner(module: str, *, check: bool = False, **params: Any) -> dict[str, Any]:
        keys = {"access_key": "emulator", "secret_key": "emulator-key", "region": REGION}
        with patch_module_args({**params, **keys, "_ansible_check_mode": check}), pytest.raises(SystemExit):
            import_module(f"{MODULES}.{module}").main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    with mock_aws():
        yield runner


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    site = tmp_path / "dist"
    (site / "assets").mkdir(parents=True)
    (site / "index.html").write_text("<script src=/assets/app.0123abcd.js>")
    (site / "help.html").write_text("help")
    (site / "assets" / "app.0123abcd.js").write_text("1")
    (site / "favicon.svg").write_text("<svg/>")
    return site
