"""The wanted engine version against the one that runs, which AWS may have moved to a newer minor by itself."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._elasticache.versions import satisfied

from .conftest import Run
from .fake import FakeElastiCache
from .test_replication_group import WANTED


@pytest.mark.parametrize(
    ("wanted", "current", "by_itself", "fixed"),
    [
        ("7.0", "7.0.7", True, True),
        ("7.0", "7.1.0", True, False),
        ("7.1", "7.0.7", False, False),
        ("7.0.5", "7.0.7", True, False),
        ("7", "7.1.0", True, True),
        ("6.x", "6.2.6", True, True),
        ("6.2", "7.1.0", False, False),
        ("7.1", "7.10.0", True, False),
        ("7.0", None, False, False),
        ("newest", "7.1.0", False, False),
    ],
)
def test_satisfied(wanted: str, current: str | None, by_itself: bool, fixed: bool) -> None:
    assert satisfied(wanted, current, auto_upgrade=True) is by_itself
    assert satisfied(wanted, current, auto_upgrade=False) is fixed


@pytest.fixture
def moved(group: Run, aws: FakeElastiCache) -> Run:
    """A group made as 7.0, which AWS has upgraded to 7.1 since."""
    group(**WANTED)
    for member in aws.members.values():
        member["EngineVersion"] = "7.1.0"
    return group


@pytest.mark.parametrize("auto", [{"auto_minor_version_upgrade": True}, {}])
def test_a_newer_minor_is_nobodys_fault_where_aws_upgrades(moved: Run, aws: FakeElastiCache, auto: Any) -> None:
    result = moved(**WANTED, **auto)
    assert not result["changed"], result
    assert aws.writes == []


def test_the_look_takes_the_newer_minor_too(moved: Run, run: Run) -> None:
    wanted = {k: v for k, v in WANTED.items() if k != "auth_token"}
    result = run("elasticache_replication_group_info", compare={"replication_group": wanted})
    assert result["differences"]["replication_group"] == []
    assert result["current"]["engine_version"] == "7.1.0"


def test_a_downgrade_that_is_asked_for_is_refused(moved: Run, aws: FakeElastiCache) -> None:
    message = moved(**WANTED, auto_minor_version_upgrade=False)["msg"]
    assert "is 7.1.0, a downgrade to 7.0 is refused" in message
    assert "set engine_version to 7.1" in message
    assert aws.writes == []


def test_another_major_is_refused(moved: Run, aws: FakeElastiCache) -> None:
    message = moved(**{**WANTED, "engine_version": "6.2"}, auto_minor_version_upgrade=True)["msg"]
    assert "a downgrade to 6.2 is refused" in message


def test_a_newer_wish_is_made(moved: Run, aws: FakeElastiCache) -> None:
    result = moved(**{**WANTED, "engine_version": "7.2"}, auto_minor_version_upgrade=True)
    assert result["changed"]
    assert result["diff"]["after"] == {"engine_version": "7.2"}
