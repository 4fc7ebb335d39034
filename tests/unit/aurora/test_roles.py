"""What the two roles say in files: names, and the tie between the look and the change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.args import spec_options

ROLES = Path(__file__).parents[3] / "roles"


def load(path: str) -> Any:
    return yaml.safe_load((ROLES / path).read_text())


def tasks_of(path: str) -> list[dict[str, Any]]:
    """The tasks of a file, those in its blocks too."""
    return [inner for task in load(path) for inner in (task["block"] + task["rescue"] if "block" in task else [task])]


def test_the_redis_group_is_changed_by_the_same_values_as_it_is_compared_with() -> None:
    """Else a run would find a difference for ever, or never."""
    compared = set(load("elasticache_redis/vars/main.yml")["__elasticache_redis_group"])
    changed = set(tasks_of("elasticache_redis/tasks/group.yml")[0]["tiketi.platform.elasticache_replication_group"])
    assert compared <= set(spec_options())
    assert changed - compared == {"region", "auth_token", "auth_token_version", "wait", "wait_timeout"}
    assert compared - changed == set()


def test_the_aurora_cluster_is_changed_by_the_same_values_as_it_is_compared_with() -> None:
    look = load("aurora_postgres/tasks/look.yml")[0]["tiketi.platform.aurora_cluster_info"]
    tasks = tasks_of("aurora_postgres/tasks/cluster.yml")
    change = next(task["amazon.aws.rds_cluster"] for task in tasks if "amazon.aws.rds_cluster" in task)
    for option in set(look["cluster"]) - {"database_name", "kms_key_id"}:
        assert look["cluster"][option] == change[option], option
    assert look["security_group_ids"] == change["vpc_security_group_ids"]
    assert look["log_exports"] == change["enable_cloudwatch_logs_exports"]
    start = load("aurora_postgres/tasks/instances.yml")[0]["amazon.aws.rds_instance"]
    for option in set(look["instance"]) - {"ca_certificate_identifier"}:
        assert look["instance"][option] == start[option], option


@pytest.mark.parametrize("role", ["aurora_postgres", "elasticache_redis"])
def test_a_task_that_reads_a_secret_is_not_logged(role: str) -> None:
    found = 0
    for path in (ROLES / role / "tasks").glob("*.yml"):
        for task in yaml.safe_load(path.read_text()):
            inner = [one for one in task.get("block", [task]) if "secretsmanager_secret" in str(one)]
            for one in inner:
                found += 1
                assert one["no_log"] == f"{{{{ {role}_secure_logging }}}}"
    assert found == 1


def test_the_cluster_is_deleted_only_after_its_last_snapshot_and_that_after_its_instances() -> None:
    tasks = load("aurora_postgres/tasks/remove_cluster.yml")
    snapshot = "tiketi.platform.aurora_final_snapshot"
    order = [key for task in tasks for key in task if key.count(".") == 2]
    instances, cluster = "amazon.aws.rds_instance", "amazon.aws.rds_cluster"
    assert order == [snapshot, cluster, instances, snapshot, cluster]
    assert [task.get("check_mode", False) for task in tasks if snapshot in task] == [True, False]
    assert tasks[-1][cluster]["state"] == "absent"
