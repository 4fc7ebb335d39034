"""Runs the modules themselves, with their argument specs, against the ElastiCache in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from .fake import FakeElastiCache

MODULES = "ansible_collections.tiketi.platform.plugins.modules"
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeElastiCache:
    fake = FakeElastiCache()
    monkeypatch.setattr(AnsibleAWSModule, "client", lambda _self, _service, **_options: fake)
    module = import_module(f"{MODULES}.elasticache_replication_group")
    ticks = iter(range(10**6))
    waiter = partial(module.Waiter, sleep=lambda _seconds: None, clock=lambda: float(next(ticks)))
    monkeypatch.setattr(module, "Waiter", waiter)
    return fake


@pytest.fixture
def run(aws: FakeElastiCache, capsys: pytest.CaptureFixture[str]) -> Run:
    def runner(module: str, *, check: bool = False, **params: Any) -> dict[str, Any]:
        args = {**params, "region": "ap-northeast-2", "_ansible_check_mode": check, "_ansible_diff": True}
        aws.calls.clear()
        warnings._global_warnings.clear()  # they pile up over runs in one process
        with patch_module_args(args), pytest.raises(SystemExit):
            import_module(f"{MODULES}.{module}").main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        if check:
            assert aws.writes == [], "check mode changed something"
        return result

    return runner


@pytest.fixture
def group(run: Run) -> Run:
    return partial(run, "elasticache_replication_group")
