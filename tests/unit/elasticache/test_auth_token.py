# ruff: noqa: S106  (the tokens here are made up)
"""The token: when it is sent, by which steps, and that it is never shown."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.rules import faults_of_token

from .conftest import Run
from .fake import FakeElastiCache

NAME = "shop-redis"
OLD, NEW = "the-old-token-0123456789", "the-new-token-0123456789"
BASE: dict[str, Any] = {
    "replication_group_id": NAME,
    "description": "d",
    "node_type": "cache.t4g.small",
    "transit_encryption_mode": "required",
}


@pytest.fixture
def standing(group: Run) -> Run:
    group(**BASE, auth_token=OLD, auth_token_version="v1")
    return group


def tag(aws: FakeElastiCache) -> str | None:
    return aws.tags[aws.groups[NAME]["ARN"]].get("AuthTokenVersion")


def test_set_replaces_by_way_of_rotate(standing: Run, aws: FakeElastiCache) -> None:
    result = standing(**BASE, auth_token=NEW, auth_token_version="v2")
    strategies = [request.get("AuthTokenUpdateStrategy") for name, request in aws.calls if name.startswith("modify")]
    assert strategies == ["ROTATE", "SET"]
    assert aws.tokens[NAME] == [NEW]
    assert tag(aws) == "v2"
    assert result["diff"] == {"before": {"auth_token": "version v1"}, "after": {"auth_token": "version v2"}}


def test_rotate_keeps_both_until_set(standing: Run, aws: FakeElastiCache) -> None:
    rotate = {**BASE, "auth_token": NEW, "auth_token_version": "v2", "auth_token_update_strategy": "ROTATE"}
    standing(**rotate)
    assert aws.tokens[NAME] == [OLD, NEW]
    assert tag(aws) == "v2/rotated"
    assert not standing(**rotate)["changed"]
    standing(**{**rotate, "auth_token_update_strategy": "SET"})
    assert aws.tokens[NAME] == [NEW]
    assert tag(aws) == "v2"


def test_a_run_cut_short_after_rotate_goes_on_with_set(standing: Run, aws: FakeElastiCache) -> None:
    wanted = {**BASE, "auth_token": NEW, "auth_token_version": "v2"}
    assert standing(**wanted, wait=False)["warnings"]
    assert aws.tokens[NAME] == [OLD, NEW]
    standing(**wanted)
    assert aws.tokens[NAME] == [NEW]
    assert not standing(**wanted)["changed"]


def test_a_first_token_is_required_at_once(group: Run, aws: FakeElastiCache) -> None:
    group(**BASE)
    group(**BASE, auth_token=OLD, auth_token_version="v1")
    assert aws.tokens[NAME] == [OLD]
    assert tag(aws) == "v1"


def test_a_token_without_a_version_is_not_compared_unless_forced(group: Run, aws: FakeElastiCache) -> None:
    group(**BASE, auth_token=OLD)
    assert not group(**BASE, auth_token=NEW)["changed"]
    assert group(**BASE, auth_token=NEW, force_auth_token_update=True)["changed"]
    assert aws.tokens[NAME] == [NEW]


def test_a_version_without_its_token_is_seen_in_check_mode_and_refused_otherwise(
    standing: Run, aws: FakeElastiCache
) -> None:
    assert standing(check=True, **BASE, auth_token_version="v2")["changed"]
    assert "auth_token is needed" in standing(**BASE, auth_token_version="v2")["msg"]
    assert aws.tokens[NAME] == [OLD]


def test_the_token_is_nowhere_in_a_result(standing: Run) -> None:
    result = standing(**BASE, auth_token=NEW, auth_token_version="v2")
    result.pop("invocation")  # Ansible masks it there by no_log
    assert NEW not in str(result)


@pytest.mark.parametrize(
    ("token", "word"),
    [
        ("x" * 15, "15 characters"),
        ("x" * 129, "129 characters"),
        ("abcdefghijklmnop+/==", "base64"),
        ("abcdefghijklmnop qrs", "refuses"),
        ("pässwort-mit-umlaut", "refuses"),
    ],
)
def test_rules_of_the_token(token: str, word: str) -> None:
    faults = faults_of_token(token)
    assert len(faults) == 1
    assert word in faults[0]
    assert token not in faults[0]


@pytest.mark.parametrize("token", ["x" * 16, "x" * 128, "aA0!&#$^<>-aA0!&#"])
def test_tokens_that_elasticache_takes(token: str) -> None:
    assert faults_of_token(token) == []


def test_a_token_needs_tls(group: Run) -> None:
    result = group(**{**BASE, "transit_encryption_mode": "preferred"}, auth_token=OLD)
    assert "transit_encryption_mode required" in result["msg"]
