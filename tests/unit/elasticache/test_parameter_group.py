"""elasticache_parameter_group_values: the twelve cases, and what it refuses."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from .conftest import Run
from .fake import FakeElastiCache

WANTED: dict[str, Any] = {"name": "shop-redis7", "family": "redis7", "values": {"maxmemory-policy": "noeviction"}}


@pytest.fixture
def parameters(run: Run) -> Run:
    return partial(run, "elasticache_parameter_group_values")


@pytest.mark.parametrize("check", [True, False])
def test_create(parameters: Run, aws: FakeElastiCache, check: bool) -> None:
    result = parameters(check=check, **WANTED, tags={"Project": "shop"})
    assert result["changed"]
    assert bool(aws.parameter_groups) is not check
    if not check:
        assert result["parameter_group"]["values"] == WANTED["values"]
        assert result["parameter_group"]["tags"]["Project"] == "shop"


@pytest.mark.parametrize("check", [True, False])
def test_again(parameters: Run, aws: FakeElastiCache, check: bool) -> None:
    parameters(**WANTED)
    assert not parameters(check=check, **WANTED)["changed"]
    assert aws.writes == []


@pytest.mark.parametrize("check", [True, False])
def test_modify_and_again(parameters: Run, aws: FakeElastiCache, check: bool) -> None:
    parameters(**WANTED)
    other = {**WANTED, "values": {"timeout": 300}}
    result = parameters(check=check, **other)
    assert result["diff"] == {"before": {"timeout": "0"}, "after": {"timeout": "300"}}
    assert parameters(check=check, **other)["changed"] is check
    assert aws.parameter_groups["shop-redis7"]["values"]["maxmemory-policy"] == "noeviction"


@pytest.mark.parametrize("check", [True, False])
def test_delete_and_absent(parameters: Run, aws: FakeElastiCache, check: bool) -> None:
    parameters(**WANTED)
    assert parameters(check=check, name="shop-redis7", state="absent")["changed"]
    assert parameters(check=check, name="shop-redis7", state="absent")["changed"] is check
    assert bool(aws.parameter_groups) is check


def test_faults_come_all_at_once(parameters: Run, aws: FakeElastiCache) -> None:
    parameters(**WANTED)
    values = {"maxmemory-polcy": "noeviction", "lua-replicate-commands": "no"}
    message = parameters(name="shop-redis7", family="valkey8", values=values)["msg"]
    for word in ("family redis7 and cannot become valkey8", "no parameter maxmemory-polcy", "fixed at 'yes'"):
        assert word in message
    assert aws.writes == []
