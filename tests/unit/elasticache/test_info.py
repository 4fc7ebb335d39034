# ruff: noqa: S105, S106  (the tokens here are made up)
"""elasticache_replication_group_info: one look, which notices each kind of drift."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from .conftest import Run
from .fake import FakeElastiCache

GROUP: dict[str, Any] = {
    "replication_group_id": "shop",
    "description": "d",
    "node_type": "cache.t4g.small",
    "replica_count": 1,
    "security_group_ids": ["sg-1"],
    "transit_encryption_mode": "required",
    "tags": {"Project": "shop"},
}
PARAMETERS: dict[str, Any] = {"name": "shop-redis7", "family": "redis7", "values": {"maxmemory-policy": "noeviction"}}
COMPARE: dict[str, Any] = {
    "replication_group": GROUP,
    "parameter_group": PARAMETERS,
    "subnet_group": {"name": "Shop", "subnet_ids": ["subnet-2", "subnet-1"]},
    "auth_token_secret": "shop/redis-auth",
}
NOTHING: dict[str, list[str]] = {"subnet_group": [], "parameter_group": [], "replication_group": []}


@pytest.fixture
def look(run: Run) -> Run:
    return partial(run, "elasticache_replication_group_info")


@pytest.fixture
def converged(run: Run, aws: FakeElastiCache) -> FakeElastiCache:
    aws.secrets["shop/redis-auth"] = "v1"
    aws.subnet_groups["shop"] = ["subnet-1", "subnet-2"]
    run("elasticache_parameter_group_values", **PARAMETERS)
    run("elasticache_replication_group", **GROUP, auth_token="0123456789abcdef", auth_token_version="v1")
    return aws


def test_nothing_differs(converged: FakeElastiCache, look: Run) -> None:
    result = look(compare=COMPARE)
    assert result["differences"] == NOTHING
    assert result["status"] == "available"
    assert result["endpoints"] == {"host": "master.shop", "port": 6379, "reader_host": "replica.shop"}
    assert result["auth_token_version"] == "v1"
    assert converged.writes == []


def test_an_empty_account_lacks_everything(look: Run) -> None:
    result = look(compare=COMPARE)
    assert all(result["differences"].values())
    assert result["status"] == "absent"
    assert result["endpoints"]["host"] == ""
    assert result["auth_token_version"] == ""


def _set(path: str, value: Any) -> Callable[[FakeElastiCache], None]:
    def drift(aws: FakeElastiCache) -> None:
        *way, last = path.split("/")
        target: Any = aws.groups["shop"]
        for step in way:
            target = target[step]
        target[last] = value

    return drift


def _all_members(key: str, value: Any) -> Callable[[FakeElastiCache], None]:
    return lambda aws: [member.update({key: value}) for member in aws.members.values()] and None


@pytest.mark.parametrize(
    ("drift", "part", "word"),
    [
        (_set("CacheNodeType", "cache.m7g.large"), "replication_group", "node_type"),
        (_set("Description", "other"), "replication_group", "description"),
        (_all_members("SecurityGroups", []), "replication_group", "security_group_ids"),
        (lambda aws: aws.members["shop-002"].update(SecurityGroups=[]), "replication_group", "security_group_ids"),
        (lambda aws: aws.tags[aws.groups["shop"]["ARN"]].update(Project="x"), "replication_group", "tags"),
        (lambda aws: aws.groups["shop"]["NodeGroups"][0]["NodeGroupMembers"].pop(), "replication_group", "replica"),
        (lambda aws: aws.secrets.update({"shop/redis-auth": "v2"}), "replication_group", "version v2"),
        (_set("Status", "modifying"), "replication_group", "is modifying"),
        (lambda aws: aws.subnet_groups.update(shop=["subnet-1"]), "subnet_group", "subnet-2"),
        (
            lambda aws: aws.parameter_groups["shop-redis7"]["values"].update({"maxmemory-policy": "allkeys-lru"}),
            "parameter_group",
            "allkeys-lru -> noeviction",
        ),
    ],
)
def test_drift_is_noticed(
    converged: FakeElastiCache, look: Run, drift: Callable[[FakeElastiCache], None], part: str, word: str
) -> None:
    converged.groups["shop"]["polls"] = 1
    drift(converged)
    differences = look(compare=COMPARE)["differences"]
    assert word in " ".join(differences[part])
    assert [name for name, found in differences.items() if found] == [part]


def test_a_misspelt_option_is_an_error(look: Run) -> None:
    compare = {"replication_group": {**GROUP, "replicas": 2}}
    assert "replicas" in look(compare=compare)["msg"]


def test_lists_one_or_all(converged: FakeElastiCache, look: Run) -> None:
    assert [g["replication_group_id"] for g in look()["replication_groups"]] == ["shop"]
    assert look(name="shop")["replication_groups"][0]["tags"]["Project"] == "shop"
    assert look(name="other")["replication_groups"] == []


def test_a_key_may_be_named_by_an_alias(run: Run, aws: FakeElastiCache, look: Run) -> None:
    aws.keys["alias/shop"] = "0f1e"
    wanted = {**GROUP, "at_rest_encryption_enabled": True, "kms_key_id": "alias/shop"}
    run("elasticache_replication_group", **wanted)
    assert aws.groups["shop"]["KmsKeyId"].endswith(":key/0f1e")
    assert not run("elasticache_replication_group", **wanted)["changed"]
    assert look(compare={"replication_group": wanted})["differences"]["replication_group"] == []
    other = {**wanted, "kms_key_id": "alias/none"}
    assert "alias/none names no key" in look(compare={"replication_group": other})["msg"]
    assert "alias/none names no key" in run("elasticache_replication_group", **other)["msg"]
    aws.keys["alias/shop"] = "another"
    assert "fixed at creation" in look(compare={"replication_group": wanted})["msg"]


@pytest.mark.parametrize(
    ("status", "word"), [("active", ""), ("enabling", ""), ("error", "no access to it"), ("disabling", "[] -> ")]
)
def test_a_log_that_is_not_delivered_is_a_difference(
    converged: FakeElastiCache, look: Run, status: str, word: str
) -> None:
    entry = {"log_type": "slow-log", "destination": "shop", "destination_type": "cloudwatch-logs", "log_format": "json"}
    converged.groups["shop"]["LogDeliveryConfigurations"] = [
        {
            "LogType": "slow-log",
            "DestinationType": "cloudwatch-logs",
            "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": "shop"}},
            "LogFormat": "json",
            "Status": status,
            "Message": "no access to it",
        }
    ]
    found = look(compare={**COMPARE, "replication_group": {**GROUP, "log_delivery": [entry]}})["differences"]
    assert word in str(found["replication_group"])
    assert bool(found["replication_group"]) is bool(word)
