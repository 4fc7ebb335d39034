# ruff: noqa: S105  (the tokens here are made up)
"""elasticache_replication_group: create, again, modify, again, delete, absent; each with and without check mode."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Run
from .fake import FakeElastiCache

TOKEN = "a-Token-of-16-characters-or-more"
WANTED: dict[str, Any] = {
    "replication_group_id": "Shop-Prod-Redis",
    "description": "sessions",
    "engine": "redis",
    "engine_version": "7.0",
    "node_type": "cache.t4g.medium",
    "replica_count": 1,
    "automatic_failover_enabled": True,
    "multi_az_enabled": True,
    "subnet_group_name": "shop",
    "security_group_ids": ["sg-2", "sg-1"],
    "transit_encryption_mode": "required",
    "at_rest_encryption_enabled": True,
    "auth_token": TOKEN,
    "auth_token_version": "v1",
    "snapshot_retention_limit": 5,
    "maintenance_window": "Sun:05:00-Sun:06:00",
    "tags": {"Project": "shop"},
}
CHANGED = {
    **WANTED,
    "node_type": "cache.t4g.large",
    "replica_count": 2,
    "security_group_ids": ["sg-3"],
    "maintenance_window": "mon:05:00-mon:06:00",
    "tags": {"Stage": "prod"},
}
GONE = {"replication_group_id": "shop-prod-redis", "state": "absent", "skip_final_snapshot": True}


@pytest.fixture
def standing(group: Run) -> Run:
    assert group(**WANTED)["changed"]
    return group


@pytest.mark.parametrize("check", [True, False])
def test_create(group: Run, aws: FakeElastiCache, check: bool) -> None:
    result = group(check=check, **WANTED)
    assert result["changed"]
    assert result["diff"]["after"]["replica_count"] == 1
    if check:
        assert aws.groups == {}
        assert result["replication_group"] == {}
        return
    assert result["replication_group"]["status"] == "available"
    assert aws.tokens["shop-prod-redis"] == [TOKEN]
    assert result["replication_group"]["tags"]["AuthTokenVersion"] == "v1"
    assert len(aws.groups["shop-prod-redis"]["MemberClusters"]) == 2


@pytest.mark.parametrize("check", [True, False])
def test_create_again(standing: Run, aws: FakeElastiCache, check: bool) -> None:
    result = standing(check=check, **WANTED)
    assert not result["changed"], result["actions"]
    assert aws.writes == []


@pytest.mark.parametrize("check", [True, False])
def test_modify(standing: Run, aws: FakeElastiCache, check: bool) -> None:
    result = standing(check=check, **CHANGED)
    assert result["changed"]
    assert result["diff"]["before"] == {
        "replica_count": 1,
        "node_type": "cache.t4g.medium",
        "security_group_ids": ["sg-1", "sg-2"],
        "maintenance_window": "Sun:05:00-Sun:06:00",
        "tags": {"Project": "shop"},
    }
    assert {k: v for k, v in CHANGED.items() if k in result["diff"]["before"]} == result["diff"]["after"]
    members = aws.groups["shop-prod-redis"]["MemberClusters"]
    assert len(members) == (2 if check else 3)


@pytest.mark.parametrize("check", [True, False])
def test_modify_again(standing: Run, aws: FakeElastiCache, check: bool) -> None:
    standing(**CHANGED)
    result = standing(check=check, **CHANGED)
    assert not result["changed"], result["actions"]
    assert aws.writes == []


@pytest.mark.parametrize("check", [True, False])
def test_delete(standing: Run, aws: FakeElastiCache, check: bool) -> None:
    result = standing(check=check, **GONE)
    assert result["changed"]
    assert bool(aws.groups) is check


@pytest.mark.parametrize("check", [True, False])
def test_absent_again(group: Run, aws: FakeElastiCache, check: bool) -> None:
    assert not group(check=check, **GONE)["changed"]
    assert aws.writes == []


def test_delete_takes_the_final_snapshot(standing: Run, aws: FakeElastiCache) -> None:
    standing(replication_group_id="shop-prod-redis", state="absent", final_snapshot_identifier="last")
    requests = dict(aws.calls)
    assert requests["delete_replication_group"]["FinalSnapshotIdentifier"] == "last"


def test_delete_without_a_word_about_the_data_is_refused(standing: Run, aws: FakeElastiCache) -> None:
    result = standing(replication_group_id="shop-prod-redis", state="absent")
    assert result["failed"]
    assert "final_snapshot_identifier" in result["msg"]
    assert "shop-prod-redis" in aws.groups


def test_options_that_are_not_set_are_left_alone(standing: Run, aws: FakeElastiCache) -> None:
    assert not standing(replication_group_id="shop-prod-redis")["changed"]
    assert aws.writes == []


def test_replicas_go_to_none_after_failover_is_off(standing: Run, aws: FakeElastiCache) -> None:
    off = {"replica_count": 0, "automatic_failover_enabled": False, "multi_az_enabled": False}
    assert standing(**{**WANTED, **off})["changed"]
    assert aws.writes == ["modify_replication_group", "decrease_replica_count"]
    assert not standing(**{**WANTED, **off})["changed"]


def test_transit_encryption_takes_the_allowed_way(group: Run, aws: FakeElastiCache) -> None:
    plain = {k: v for k, v in WANTED.items() if not k.startswith("auth_token")}
    plain |= {"transit_encryption_mode": "disabled"}
    group(**plain)
    for member in aws.members.values():
        member["EngineVersion"] = "7.0.7"
    result = group(**{**plain, "transit_encryption_mode": "required"})
    assert result["actions"] == [
        "modify (transit_encryption_mode: disabled -> preferred)",
        "modify (transit_encryption_mode: preferred -> required)",
    ]
    assert aws.groups["shop-prod-redis"]["TransitEncryptionMode"] == "required"


def test_failover_makes_the_replica_primary_once(standing: Run, aws: FakeElastiCache) -> None:
    second = {"replication_group_id": "shop-prod-redis", "primary_cluster_id": "shop-prod-redis-002"}
    assert standing(**second)["actions"] == [
        "fail over (primary_cluster_id: shop-prod-redis-001 -> shop-prod-redis-002)"
    ]
    assert not standing(**second)["changed"]


def test_a_busy_group_is_awaited_before_it_is_compared(group: Run, aws: FakeElastiCache) -> None:
    group(**WANTED, wait=False)
    assert aws.groups["shop-prod-redis"]["Status"] == "creating"
    result = group(**CHANGED, wait=False)
    assert not result["changed"]
    assert "creating" in str(result["warnings"])
    assert group(**CHANGED)["changed"]


def test_without_waiting_the_rest_is_left_and_said(standing: Run, aws: FakeElastiCache) -> None:
    result = standing(**CHANGED, wait=False)
    assert aws.writes == ["increase_replica_count"]
    assert "node_type" in str(result["warnings"])
    standing(**CHANGED)
    assert not standing(**CHANGED)["changed"]


def test_timeout_says_why(group: Run, aws: FakeElastiCache) -> None:
    aws.busy, aws.event_messages = 10**6, ["No capacity for cache.t4g.medium in ap-northeast-2a"]
    result = group(**WANTED, wait_timeout=30)
    assert result["failed"]
    for word in ("not available after 30 s", "status is creating", "shop-prod-redis-001 is available", "No capacity"):
        assert word in result["msg"]
    assert TOKEN not in str(result)


def test_a_failed_creation_is_not_waited_for(standing: Run, aws: FakeElastiCache) -> None:
    aws.groups["shop-prod-redis"]["Status"] = "create-failed"
    result = standing(**WANTED)
    assert "state=absent" in result["msg"]


def test_faults_come_all_at_once(group: Run, aws: FakeElastiCache) -> None:
    wrong = {**WANTED, "auth_token": "short+/=", "replica_count": 0, "node_type": None, "replication_group_id": "1-x-"}
    message = group(**wrong)["msg"]
    for word in ("node_type is required", "8 characters", "base64", "replica_count of at least 1", "not a name"):
        assert word in message
    assert "short+/=" not in message
    assert aws.writes == []


def test_what_is_fixed_at_creation_is_refused(standing: Run, aws: FakeElastiCache) -> None:
    message = standing(**{**WANTED, "port": 6380, "at_rest_encryption_enabled": False})["msg"]
    assert "port of shop-prod-redis is 6379 and cannot become 6380" in message
    assert "at_rest_encryption_enabled" in message
    assert aws.writes == []


def test_tags_are_kept_unless_purged(standing: Run, aws: FakeElastiCache) -> None:
    arn = aws.groups["shop-prod-redis"]["ARN"]
    standing(**{**WANTED, "tags": {"Stage": "prod"}, "purge_tags": False})
    assert aws.tags[arn] == {"Project": "shop", "Stage": "prod", "AuthTokenVersion": "v1"}
    standing(**{**WANTED, "tags": {}})
    assert aws.tags[arn] == {"AuthTokenVersion": "v1"}
