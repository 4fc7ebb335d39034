"""The wait: fast, bounded, and never without a reason."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._rds.api import RDS
from ansible_collections.tiketi.platform.plugins.module_utils._rds.errors import AuroraError
from ansible_collections.tiketi.platform.plugins.module_utils._rds.wait import Waiter

from .fake import NAME, FakeRDS

NAMES = [f"{NAME}-1", f"{NAME}-2"]


def waiter(fake: FakeRDS, pauses: list[float], timeout: float = 60) -> Waiter:
    """Time passes only in sleep."""
    return Waiter(RDS(fake), timeout, pauses.append, lambda: sum(pauses))


def test_nothing_to_wait_for() -> None:
    pauses: list[float] = []
    assert waiter(FakeRDS(), pauses).until_available(NAME, NAMES) is False
    assert pauses == []


def test_polls_within_two_seconds_until_all_are_there() -> None:
    fake, pauses = FakeRDS(), []
    states = itertools.chain(["creating"] * 6, itertools.repeat("available"))

    class Slow(FakeRDS):
        def describe_db_instances(self, **request: object) -> dict[str, object]:
            answer: dict[str, object] = fake.describe_db_instances(aws_retry=True, **request)
            if "Marker" in request:
                answer["DBInstances"][0]["DBInstanceStatus"] = next(states)  # type: ignore[index]
            return answer

    assert waiter(Slow(), pauses).until_available(NAME, NAMES) is True
    assert len(pauses) == 6
    assert pauses[0] == 1
    assert max(pauses) <= 2


def test_the_end_of_patience_has_a_reason() -> None:
    fake, pauses = FakeRDS(), []
    fake.instances[1]["DBInstanceStatus"] = "creating"
    fake.events = ["waiting for the writer"]
    with pytest.raises(AuroraError) as error:
        waiter(fake, pauses, timeout=30).until_available(NAME, [*NAMES, f"{NAME}-3"])
    assert sum(pauses) == pytest.approx(30)
    for word in ("not available after 30 s", f"{NAME}-2 is creating", f"{NAME}-3 is missing", "waiting for the writer"):
        assert word in error.value.message


@pytest.mark.parametrize("status", ["failed", "incompatible-network", "storage-full"])
def test_a_hopeless_status_ends_the_wait_at_once(status: str) -> None:
    fake, pauses = FakeRDS(), []
    fake.instances[0]["DBInstanceStatus"] = status
    with pytest.raises(AuroraError, match=f"instance {NAME}-1 cannot become available"):
        waiter(fake, pauses).until_available(NAME, NAMES)
    assert pauses == []


@pytest.mark.parametrize("status", ["stopped", "stopping"])
def test_a_stopped_cluster_is_not_waited_for(status: str) -> None:
    fake, pauses = FakeRDS(), []
    fake.clusters[0]["Status"] = fake.instances[0]["DBInstanceStatus"] = status
    for wait in (lambda w: w.until_available(NAME, NAMES), lambda w: w.until_empty(NAME)):
        with pytest.raises(AuroraError) as error:
            wait(waiter(fake, pauses))
        assert f"cluster {NAME} is {status}" in error.value.message
        assert f"aws rds start-db-cluster --db-cluster-identifier {NAME}" in error.value.message
    assert pauses == []


class Late(FakeRDS):
    """Says available for some polls after a change, as RDS does."""

    def __init__(self, pending_for: int) -> None:
        super().__init__()
        self.pending_for = pending_for
        self.instances[1]["PendingModifiedValues"] = {"DBInstanceClass": "db.r7g.large"}
        self.clusters[0]["PendingModifiedValues"] = {"EngineVersion": "15.12"}

    def describe_db_clusters(self, **request: Any) -> dict[str, Any]:
        self.pending_for -= 1
        if self.pending_for < 0:
            self.instances[1]["PendingModifiedValues"] = self.clusters[0]["PendingModifiedValues"] = {}
        return super().describe_db_clusters(**request)


@pytest.mark.parametrize("changed", [[NAME], [NAMES[1]]])
def test_of_what_was_changed_nothing_may_be_pending(changed: list[str]) -> None:
    pauses: list[float] = []
    assert waiter(Late(4), pauses).until_available(NAME, NAMES, changed)
    assert len(pauses) == 4


@pytest.mark.parametrize("changed", [[], [NAMES[0]]])
def test_what_waits_for_the_maintenance_window_is_not_waited_for(changed: list[str]) -> None:
    assert waiter(Late(10**6), []).until_available(NAME, NAMES, changed) is False


def test_what_stays_pending_is_named() -> None:
    with pytest.raises(AuroraError) as error:
        waiter(Late(10**6), [], timeout=30).until_available(NAME, NAMES, [NAMES[1]])
    assert f"instance {NAMES[1]} is available with DBInstanceClass pending" in error.value.message


def test_a_cluster_that_is_not_there_is_not_waited_for() -> None:
    fake = FakeRDS()
    fake.empty()
    with pytest.raises(AuroraError, match="does not exist"):
        waiter(fake, []).until_available(NAME, [])
