# ruff: noqa: S105, S106  (the secrets and keys here are made up)
"""The two roles show why a hidden task failed; the reason never has the secret that the task was given."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import boto3
import pytest
from ansible.module_utils.testing import patch_module_args
from botocore.stub import Stubber

SECRET = "Kq8-echoed-by-nobody-44"
ACCESS = {"region": "eu-west-1", "access_key": "emulator", "secret_key": "emulator"}
CASES: list[tuple[str, str, str, dict[str, Any]]] = [
    (
        "amazon.aws.plugins.modules.rds_cluster",
        "rds",
        "create_db_cluster",
        {
            "db_cluster_identifier": "shop",
            "engine": "aurora-postgresql",
            "master_username": "root",
            "master_user_password": SECRET,
            "wait": False,
        },
    ),
    (
        "tiketi.platform.plugins.modules.elasticache_replication_group",
        "elasticache",
        "create_replication_group",
        {
            "replication_group_id": "shop",
            "description": "x",
            "node_type": "cache.t4g.medium",
            "transit_encryption_mode": "required",
            "auth_token": SECRET,
            "wait": False,
        },
    ),
]


@pytest.mark.parametrize(("module", "service", "create", "wanted"), CASES, ids=[case[1] for case in CASES])
def test_an_answer_that_echoes_the_secret_is_masked(
    module: str,
    service: str,
    create: str,
    wanted: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = boto3.client(service, "eu-west-1", aws_access_key_id="emulator", aws_secret_access_key="emulator")
    stub = Stubber(client)
    missing = {"rds": "DBClusterNotFoundFault", "elasticache": "ReplicationGroupNotFoundFault"}[service]
    look = {"rds": "describe_db_clusters", "elasticache": "describe_replication_groups"}[service]
    stub.add_client_error(look, missing)
    stub.add_client_error(create, "InvalidParameterValue", f"the quota of 40 is reached, {SECRET} is refused")
    monkeypatch.setattr("boto3.session.Session.client", lambda *_args, **_options: client)
    with stub, patch_module_args({**wanted, **ACCESS}), pytest.raises(SystemExit):
        import_module(f"ansible_collections.{module}").main()
    result = json.loads(capsys.readouterr().out)
    assert "the quota of 40 is reached" in result["msg"]
    assert SECRET not in json.dumps(result)
