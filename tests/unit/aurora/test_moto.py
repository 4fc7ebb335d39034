# ruff: noqa: S106  (the password and the keys here are made up)
"""aurora_cluster_info and aurora_cluster_wait against moto, whose answers are not written by us.

Everything is made by boto3 here, as amazon.aws makes it, so this also shows that the look reads what others have made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import boto3
import pytest
from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args
from ansible_collections.tiketi.platform.plugins.module_utils._rds.api import RDS
from moto import mock_aws

from .conftest import WISH
from .fake import NAME

REGION = "ap-northeast-2"
KEYS = {"access_key": "emulator", "secret_key": "emulator", "region": REGION}
TAGS = [{"Key": "Project", "Value": "shop"}]
VERSION = "15.10"
Run = Callable[..., dict[str, Any]]


def client(service: str) -> Any:
    return boto3.client(service, REGION, aws_access_key_id="emulator", aws_secret_access_key="emulator")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    def runner(name: str, /, **params: Any) -> dict[str, Any]:
        warnings._global_warnings.clear()  # they pile up over runs in one process
        module = import_module(f"ansible_collections.tiketi.platform.plugins.modules.{name}")
        with patch_module_args({**params, **KEYS}), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    with mock_aws():
        yield runner


@pytest.fixture
def wish() -> dict[str, Any]:
    """The network that others make, and the wish for what stands in it."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]
        for index, zone in enumerate("ab")
    ]
    group = ec2.create_security_group(VpcId=vpc, GroupName="aurora", Description="aurora")["GroupId"]
    return {
        **WISH,
        "engine_version": VERSION,
        "subnet_ids": [subnet["SubnetId"] for subnet in subnets],
        "security_group_ids": [group],
    }


@pytest.fixture
def made(run: Run, wish: dict[str, Any]) -> Any:
    """What the role makes of the wish, made by boto3."""
    rds, kms, cluster = client("rds"), client("kms"), wish["cluster"]
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/shop", TargetKeyId=key["KeyId"])
    rds.create_db_subnet_group(
        DBSubnetGroupName=NAME, DBSubnetGroupDescription="x", SubnetIds=wish["subnet_ids"], Tags=TAGS
    )
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName=f"{NAME}-15",
        DBParameterGroupFamily="aurora-postgresql15",
        Description="x",
        Tags=TAGS,
    )
    rds.modify_db_cluster_parameter_group(
        DBClusterParameterGroupName=f"{NAME}-15",
        Parameters=[
            {"ParameterName": key, "ParameterValue": str(value), "ApplyMethod": "pending-reboot"}
            for key, value in wish["parameters"].items()
        ],
    )
    rds.create_db_cluster(
        DBClusterIdentifier=NAME,
        Engine="aurora-postgresql",
        EngineVersion=VERSION,
        MasterUsername=cluster["master_username"],
        MasterUserPassword="not-a-real-one",
        DatabaseName=cluster["database_name"],
        Port=cluster["port"],
        StorageEncrypted=True,
        KmsKeyId=key["Arn"],
        DeletionProtection=True,
        BackupRetentionPeriod=7,
        PreferredBackupWindow=cluster["preferred_backup_window"],
        PreferredMaintenanceWindow=cluster["preferred_maintenance_window"],
        CopyTagsToSnapshot=True,
        DBSubnetGroupName=NAME,
        DBClusterParameterGroupName=f"{NAME}-15",
        VpcSecurityGroupIds=wish["security_group_ids"],
        EnableCloudwatchLogsExports=["postgresql"],
        Tags=TAGS,
    )
    for name in wish["instances"]:
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            DBClusterIdentifier=NAME,
            DBInstanceClass=wish["instance"]["db_instance_class"],
            Engine="aurora-postgresql",
            PubliclyAccessible=False,
            AutoMinorVersionUpgrade=True,
            CACertificateIdentifier="rds-ca-rsa2048-g1",
            Tags=[*TAGS, {"Key": "Name", "Value": name}],
        )
    return rds


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one question that moto does not know."""
    monkeypatch.setattr(RDS, "engine_versions", lambda _self, _engine: [VERSION])


@pytest.mark.usefixtures("offered")
def test_an_empty_account_lacks_everything(run: Run, wish: dict[str, Any]) -> None:
    result = run("aurora_cluster_info", **wish)
    assert result["status"] == "absent", result
    assert not result["ready"]
    assert result["endpoints"]["host"] == ""
    assert list(result["differences"]["instances"]) == wish["instances"]
    assert all(result["differences"].values())


@pytest.mark.usefixtures("made")
def test_what_boto3_made_is_as_wished(run: Run, wish: dict[str, Any]) -> None:
    result = run("aurora_cluster_info", **wish)
    assert not result["differs"], result
    assert result["ready"]
    assert result["engine_version"] == VERSION
    assert result["endpoints"]["host"].startswith(NAME)
    assert result["endpoints"]["port"] == 5432


@pytest.mark.parametrize(
    ("drift", "part", "word"),
    [
        (
            lambda rds: rds.modify_db_cluster(DBClusterIdentifier=NAME, BackupRetentionPeriod=1),
            "cluster",
            "backup_retention_period: 1 -> 7",
        ),
        (
            lambda rds: rds.modify_db_cluster(DBClusterIdentifier=NAME, DeletionProtection=False),
            "cluster",
            "deletion_protection",
        ),
        (lambda rds: rds.delete_db_instance(DBInstanceIdentifier=f"{NAME}-2"), "instances", "does not exist"),
        (
            lambda rds: rds.remove_tags_from_resource(
                ResourceName=rds.describe_db_clusters()["DBClusters"][0]["DBClusterArn"], TagKeys=["Project"]
            ),
            "cluster",
            "tag Project: none -> shop",
        ),
    ],
)
def test_drift_is_noticed(
    run: Run, wish: dict[str, Any], made: Any, drift: Callable[[Any], Any], part: str, word: str
) -> None:
    drift(made)
    result = run("aurora_cluster_info", **wish)
    assert word in str(result["differences"][part]), result
    assert [name for name, found in result["differences"].items() if found] == [part]


@pytest.mark.usefixtures("made")
def test_a_key_by_its_alias_is_the_key_that_stands(run: Run, wish: dict[str, Any]) -> None:
    wish["cluster"] = {**wish["cluster"], "kms_key_id": "alias/shop"}
    result = run("aurora_cluster_info", **wish)
    assert not result["differs"], result
    kms = client("kms")
    kms.update_alias(AliasName="alias/shop", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    assert "fixed at creation" in run("aurora_cluster_info", **wish)["msg"]


@pytest.mark.usefixtures("made")
def test_what_is_there_is_not_waited_for(run: Run, wish: dict[str, Any]) -> None:
    waited = run("aurora_cluster_wait", name=NAME, instances=wish["instances"], changed=[NAME], timeout=5)
    assert waited["waited"] is False, waited


@pytest.mark.usefixtures("made")
def test_what_does_not_come_is_named(run: Run, wish: dict[str, Any]) -> None:
    waited = run("aurora_cluster_wait", name=NAME, instances=[*wish["instances"], f"{NAME}-3"], timeout=1)
    assert f"instance {NAME}-3 is missing" in waited["msg"]
    assert "does not exist" in run("aurora_cluster_wait", name="other", timeout=1)["msg"]


def test_a_stopped_cluster_ends_the_wait(run: Run, made: Any) -> None:
    made.stop_db_cluster(DBClusterIdentifier=NAME)
    assert "aws rds start-db-cluster" in run("aurora_cluster_wait", name=NAME, timeout=5)["msg"]


def test_the_last_snapshot_is_taken_without_instances_and_known_again(
    run: Run, wish: dict[str, Any], made: Any
) -> None:
    last = {"name": NAME, "db_cluster_snapshot_identifier": "shop-final", "timeout": 2}
    assert "is not without instances" in run("aurora_final_snapshot", **last)["msg"]
    for name in wish["instances"]:
        made.delete_db_instance(DBInstanceIdentifier=name)
    taken = run("aurora_final_snapshot", **last)
    assert taken.get("changed"), taken
    assert run("aurora_final_snapshot", **last)["changed"] is False
    assert len(made.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]) == 1
