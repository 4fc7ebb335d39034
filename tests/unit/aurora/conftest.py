"""Runs the modules themselves, with their argument specs, against the RDS in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args
from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

from .fake import NAME, FakeRDS

Run = Callable[..., dict[str, Any]]

WISH: dict[str, Any] = {
    "db_cluster_identifier": NAME,
    "engine_version": "15.10",
    "cluster": {
        "master_username": "root",
        "database_name": "shop",
        "port": 5432,
        "storage_encrypted": True,
        "deletion_protection": True,
        "backup_retention_period": 7,
        "preferred_backup_window": "03:00-04:00",
        "preferred_maintenance_window": "Sun:04:30-Sun:05:30",
        "copy_tags_to_snapshot": True,
    },
    "security_group_ids": ["sg-1"],
    "log_exports": ["postgresql"],
    "subnet_group_name": "Shop-Aurora",
    "subnet_ids": ["subnet-2", "subnet-1"],
    "parameter_group_name": f"{NAME}-15",
    "parameter_family": "aurora-postgresql15",
    "parameters": {"rds.force_ssl": 1, "rds.logical_replication": "1"},
    "instances": [f"{NAME}-1", f"{NAME}-2"],
    "instance": {
        "db_instance_class": "db.t4g.medium",
        "auto_minor_version_upgrade": True,
        "publicly_accessible": False,
        "ca_certificate_identifier": "rds-ca-rsa2048-g1",
    },
    "tags": {"Project": "shop"},
}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeRDS:
    fake = FakeRDS()
    monkeypatch.setattr(AnsibleAWSModule, "client", lambda _self, _service, **_options: fake)
    return fake


@pytest.fixture
def look(aws: FakeRDS, capsys: pytest.CaptureFixture[str]) -> Run:
    def runner(**changes: Any) -> dict[str, Any]:
        warnings._global_warnings.clear()  # they pile up over runs in one process
        module = import_module("ansible_collections.tiketi.platform.plugins.modules.aurora_cluster_info")
        with patch_module_args({**WISH, **changes, "region": "ap-northeast-2"}), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return runner
