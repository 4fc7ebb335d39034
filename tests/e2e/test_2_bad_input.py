"""Bad input is told before anything is touched: every fault in one message, with the name and the mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.support import Outcome, run

WRONG = {
    "k3s_common_cluster_cidr": "10.42.0.0",
    "k3s_common_service_cidr": "10.89.0.0/17",  # inside the VPC
    "elasticache_redis_replica_count": "two",
    "elasticache_redis_multi_az": "maybe",
    "k3s_comon_version": "v1.34.4+k3s1",
    "platform_project": "",
    "service_overrides": {"auth": {"replcas": 2}, "payment": {"paths": ["/api/v1/auth"]}},
    "aurora_postgres_instance_count": -1,
}
NAMED = [
    "k3s_common_cluster_cidr",
    "k3s_common_service_cidr",
    "elasticache_redis_replica_count",
    "elasticache_redis_multi_az",
    "k3s_comon_version",
    "platform_project",
    "replcas",
    "/api/v1/auth",
]


def _nothing_touched(outcome: Outcome) -> None:
    assert outcome.code == 2, outcome.tail()
    assert outcome.changed == 0, outcome.tail()
    assert [phase["name"] for phase in outcome.summary["phases"]] == ["Preflight"], outcome.tail()


def test_all_faults_come_at_once() -> None:
    outcome = run("-e", json.dumps(WRONG), name="bad-input")
    _nothing_touched(outcome)
    missing = [name for name in NAMED if name not in outcome.output]
    assert not missing, f"not named: {missing}\n{outcome.tail()}"
    assert outcome.summary["seconds"] < 10


def test_an_even_number_of_servers_is_refused(tmp_path: Path) -> None:
    more = tmp_path / "more.yml"
    more.write_text("k3s_servers:\n  hosts:\n    server-2:\n", encoding="utf-8")
    outcome = run("-i", str(more), name="even-servers")
    _nothing_touched(outcome)
    assert "k3s_servers" in outcome.output


@pytest.mark.parametrize(
    ("name", "env"),
    [
        ("no-credentials", {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": "/nonexistent"}),
        ("no-endpoint", {"AWS_ENDPOINT_URL": "http://10.89.64.2:1"}),
    ],
)
def test_without_aws_the_first_error_says_so(name: str, env: dict[str, str]) -> None:
    outcome = run(name=name, **env)
    assert outcome.code != 0
    assert outcome.changed == 0
    wanted = "credentials" if name == "no-credentials" else "10.89.64.2:1"
    assert wanted in outcome.output, outcome.tail()
