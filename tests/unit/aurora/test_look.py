"""aurora_cluster_info: one look that says nothing on a converged cluster, and notices each kind of drift."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import WISH, Run
from .fake import NAME, FakeRDS, instance

Drift = Callable[[FakeRDS], Any]


def test_nothing_differs(look: Run, aws: FakeRDS) -> None:
    result = look()
    assert not result["differs"], result["differences"]
    assert result["ready"]
    assert result["engine_version"] == "15.10"
    assert result["messages"] == []
    assert result["endpoints"] == {"host": "writer.shop", "reader_host": "reader.shop", "port": 5432, "name": "shop"}
    assert "describe_db_engine_versions" not in aws.asked  # a long list, not needed here


def test_an_empty_account_lacks_everything(look: Run, aws: FakeRDS) -> None:
    aws.empty()
    result = look(engine_version="15.4")
    assert result["status"] == "absent"
    assert not result["ready"]
    assert result["engine_version"] == "15.10"
    assert "15.4 can no longer be created: 15.10" in result["messages"][0]
    assert list(result["differences"]["instances"]) == WISH["instances"]
    assert result["diff"]["after"].count("does not exist") == 5


@pytest.mark.parametrize(
    ("drift", "part", "word"),
    [
        (lambda aws: aws.clusters[0].update(BackupRetentionPeriod=1), "cluster", "backup_retention_period: 1 -> 7"),
        (lambda aws: aws.clusters[0].update(DeletionProtection=False), "cluster", "deletion_protection"),
        (lambda aws: aws.clusters[0].update(PreferredBackupWindow="05:00-06:00"), "cluster", "preferred_backup_window"),
        (lambda aws: aws.clusters[0].update(DBClusterParameterGroup="default"), "cluster", "parameter_group_name"),
        (lambda aws: aws.clusters[0].update(VpcSecurityGroups=[]), "cluster", "security_group_ids: none -> sg-1"),
        (lambda aws: aws.clusters[0].pop("EnabledCloudwatchLogsExports"), "cluster", "log_exports"),
        (lambda aws: aws.clusters[0].update(EngineVersion="15.9"), "cluster", "engine_version: 15.9 -> 15.10"),
        (lambda aws: aws.clusters[0].update(TagList=[]), "cluster", "tag Project"),
        (lambda aws: aws.subnet_groups.update({NAME: ["subnet-1"]}), "subnet_group", "subnet-2"),
        (lambda aws: aws.parameters.pop("rds.force_ssl"), "parameter_group", "rds.force_ssl: default -> 1"),
        (lambda aws: aws.parameters.update({"rds.force_ssl": "0"}), "parameter_group", "rds.force_ssl: 0 -> 1"),
        (lambda aws: aws.instances.pop(), "instances", "does not exist"),
        (lambda aws: aws.instances[0].update(DBInstanceClass="db.r7g.large"), "instances", "db_instance_class"),
        (lambda aws: aws.instances[1].update(PubliclyAccessible=True), "instances", "publicly_accessible"),
    ],
)
def test_drift_is_noticed(look: Run, aws: FakeRDS, drift: Drift, part: str, word: str) -> None:
    drift(aws)
    result = look()
    assert result["differs"]
    assert not result["changed"], "a look changes nothing"
    assert word in str(result["differences"][part])
    assert [name for name, found in result["differences"].items() if found] == [part]


def test_what_waits_for_the_maintenance_window_is_no_drift(look: Run, aws: FakeRDS) -> None:
    aws.instances[0].update(DBInstanceClass="db.r7g.large", PendingModifiedValues={"DBInstanceClass": "db.t4g.medium"})
    aws.clusters[0].update(EngineVersion="15.9", PendingModifiedValues={"EngineVersion": "15.10"})
    assert not look()["differs"]


def test_a_security_group_that_leaves_is_not_counted(look: Run, aws: FakeRDS) -> None:
    aws.clusters[0]["VpcSecurityGroups"].append({"VpcSecurityGroupId": "sg-2", "Status": "removing"})
    assert not look()["differs"]
    aws.clusters[0]["VpcSecurityGroups"][0]["Status"] = "removing"
    assert "security_group_ids: none -> sg-1" in str(look()["differences"]["cluster"])


@pytest.mark.parametrize("where", ["LogTypesToEnable", "LogTypesToDisable"])
def test_a_log_that_is_on_its_way_counts_as_arrived(look: Run, aws: FakeRDS, where: str) -> None:
    aws.clusters[0]["PendingModifiedValues"] = {"PendingCloudwatchLogsExports": {where: ["postgresql"]}}
    assert "log_exports: none -> postgresql" in str(look()["differences"]["cluster"])
    aws.clusters[0]["EnabledCloudwatchLogsExports"] = []
    assert not look()["differs"]


def test_what_is_fixed_at_creation_is_refused_all_at_once(look: Run, aws: FakeRDS) -> None:
    aws.clusters[0].update(StorageEncrypted=False, DatabaseName="other")
    aws.parameter_groups[f"{NAME}-15"] = "aurora-postgresql16"
    message = look()["msg"]
    for word in ("storage_encrypted", "database_name", "aurora-postgresql16"):
        assert word in message


def test_a_person_is_told_of_a_pending_reboot_and_of_strangers(look: Run, aws: FakeRDS) -> None:
    aws.clusters[0]["DBClusterMembers"][0]["DBClusterParameterGroupStatus"] = "pending-reboot"
    aws.instances.append(instance(3))
    result = look()
    assert not result["differs"]
    assert "next reboot" in result["messages"][0]
    assert f"{NAME}-3" in result["messages"][1]


def test_ready_means_every_instance(look: Run, aws: FakeRDS) -> None:
    aws.instances[1]["DBInstanceStatus"] = "creating"
    assert not look()["ready"]
