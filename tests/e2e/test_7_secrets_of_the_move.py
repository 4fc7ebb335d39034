"""No secret of the stages single and managed left its place while the data moved: not in what the runs of test_2 and test_7 said, not on a host."""

from __future__ import annotations

import pytest
import yaml

from tests.e2e import canary
from tests.e2e.support import LOGS, ROOT, SANDBOX


@pytest.fixture(scope="module")
def values() -> dict[str, str]:
    return canary.secrets()


@pytest.fixture(scope="module")
def wanted(values: dict[str, str]) -> list[str]:
    return canary.patterns(values)


def test_the_secrets_of_both_stages_are_looked_for(values: dict[str, str]) -> None:
    names = set(values)
    for one in (
        "single/postgres:password",
        "single/redis:token",
        "single/app-database:password",
        "managed/aurora-master:password",
    ):
        assert any(name.endswith(one) for name in names), sorted(names)


def test_no_run_of_the_move_said_one(wanted: list[str]) -> None:
    logs = {log.name: log.read_text(encoding="utf-8") for log in LOGS.glob("e2e-*.log")}
    assert "ESTABLISH SSH CONNECTION" in logs["e2e-managed.log"], "the run was not loud, so it proves little"
    assert {"e2e-single.log", "e2e-managed-killed-in-cutover.log", "e2e-onward.log"} <= set(logs)
    assert [name for name, text in logs.items() if any(pattern in text for pattern in wanted)] == []


def test_no_server_logged_one(wanted: list[str]) -> None:
    told = canary.server_logs("podman")
    assert any("rds" in name for name in told), sorted(told)
    assert [name for name, text in told.items() if any(pattern in text for pattern in wanted)] == []


def test_nobody_can_read_one_here_or_on_the_host(wanted: list[str]) -> None:
    assert not canary.scan_here(canary.readable_here(), wanted)["hits"]
    user = yaml.safe_load((SANDBOX / "vars.yml").read_text(encoding="utf-8"))["ec2_host_user"]
    address = canary.hosts()["app-1"]
    found = canary.scan_host(canary.ssh("app-1", address, user, ROOT / ".state" / "managed" / "known_hosts"), wanted)
    assert found["seen"] > 100
    assert not found["hits"], found["hits"]
