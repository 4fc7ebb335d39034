# ruff: noqa: N803  (the parameters bear the names that boto3 gives them)
"""The last snapshot: after the last instance, of this cluster, complete; and refused before anything is deleted."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._rds.api import RDS
from ansible_collections.tiketi.platform.plugins.module_utils._rds.errors import AuroraError, FaultyWishError
from ansible_collections.tiketi.platform.plugins.module_utils._rds.final_snapshot import FINAL_OF, Saver
from ansible_collections.tiketi.platform.plugins.module_utils._rds.wait import Waiter

from .fake import NAME, FakeRDS

SNAPSHOT = "shop-final"
RESOURCE = "cluster-AAAA"


class Emptying(FakeRDS):
    """Its instances take some polls to shut down, and its snapshot some to be complete."""

    def __init__(self, *, instances_for: int = 3) -> None:
        super().__init__()
        self.instances_for, self.snapshot_for = instances_for, 2
        self.snapshots: list[dict[str, Any]] = []
        self.members_at_snapshot: list[Any] = []
        self.clusters[0]["DbClusterResourceId"] = RESOURCE
        if instances_for == 0:
            self.gone()

    def gone(self) -> None:
        self.instances, self.clusters[0]["DBClusterMembers"] = [], []

    def pass_time(self, _seconds: float) -> None:
        self.instances_for -= 1
        if self.instances_for == 0:
            self.gone()
        if self.snapshots:
            self.snapshot_for -= 1
            if self.snapshot_for == 0:
                self.snapshots[0]["Status"] = "available"

    def describe_db_cluster_snapshots(self, DBClusterSnapshotIdentifier: str) -> dict[str, Any]:
        if not self.snapshots:
            raise self._missing("DBClusterSnapshotNotFoundFault")
        return {"DBClusterSnapshots": self.snapshots}

    def create_db_cluster_snapshot(self, *, aws_retry: bool, **request: Any) -> None:
        assert aws_retry
        self.members_at_snapshot = [*self.instances, *self.clusters[0]["DBClusterMembers"]]
        self.snapshots.append(snapshot(TagList=request["Tags"], Status="creating"))


def snapshot(**changes: Any) -> dict[str, Any]:
    return {
        "DBClusterSnapshotIdentifier": SNAPSHOT,
        "DBClusterIdentifier": NAME,
        "DbClusterResourceId": RESOURCE,
        "SnapshotCreateTime": "2026-01-02",
        "Status": "available",
        "TagList": [{"Key": FINAL_OF, "Value": RESOURCE}],
        **changes,
    }


def saver(fake: Emptying, *, check_mode: bool = False, timeout: float = 60) -> Saver:
    ticks = iter(range(10**6))
    api = RDS(fake)
    return Saver(api, Waiter(api, timeout, fake.pass_time, lambda: float(next(ticks))), check_mode)


def test_it_is_taken_when_the_last_instance_is_gone_and_awaited() -> None:
    fake = Emptying()
    assert saver(fake).save(NAME, SNAPSHOT)
    assert fake.members_at_snapshot == []
    assert fake.snapshots[0]["Status"] == "available"
    assert {"Key": FINAL_OF, "Value": RESOURCE} in fake.snapshots[0]["TagList"]


def test_instances_that_stay_are_named_and_nothing_is_taken() -> None:
    fake = Emptying(instances_for=-1)
    fake.instances[0]["DBInstanceStatus"] = "deleting"
    with pytest.raises(AuroraError) as error:
        saver(fake, timeout=30).save(NAME, SNAPSHOT)
    assert f"{NAME} is not without instances after 30 s" in error.value.message
    assert f"{NAME}-1 is deleting" in error.value.message
    assert fake.snapshots == []


@pytest.mark.parametrize("status", ["available", "creating"])
def test_the_one_of_a_run_that_was_killed_is_kept_and_awaited(status: str) -> None:
    fake = Emptying(instances_for=0)
    fake.snapshots = [snapshot(Status=status)]
    assert saver(fake).save(NAME, SNAPSHOT) is False
    assert len(fake.snapshots) == 1
    assert fake.snapshots[0]["Status"] == "available"


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("instances_for", "changes", "word"),
    [
        (0, {"DBClusterIdentifier": "other"}, "another cluster"),
        (0, {"DbClusterResourceId": "cluster-BBBB"}, "another cluster"),
        (3, {}, "older than what the instances"),
        (0, {"TagList": []}, "was not taken after the last instance"),
        (0, {"Status": "failed"}, "saves nothing"),
    ],
)
def test_any_other_is_refused(check_mode: bool, instances_for: int, changes: dict[str, Any], word: str) -> None:
    fake = Emptying(instances_for=instances_for)
    fake.snapshots = [snapshot(**changes)]
    with pytest.raises(FaultyWishError) as error:
        saver(fake, check_mode=check_mode).save(NAME, SNAPSHOT)
    assert word in error.value.faults[0]
    assert "Mend:" in error.value.faults[0]
    assert len(fake.snapshots) == 1


def test_one_taken_by_somebody_while_it_waits_is_refused() -> None:
    fake = Emptying()
    late, real = saver(fake), fake.pass_time

    def somebody(seconds: float) -> None:
        fake.snapshots = [snapshot(TagList=[])]
        real(seconds)

    late.waiter.sleep = somebody
    with pytest.raises(FaultyWishError, match="was not taken after"):
        late.save(NAME, SNAPSHOT)


def test_check_mode_waits_for_nothing() -> None:
    fake = Emptying()
    assert saver(fake, check_mode=True).save(NAME, SNAPSHOT)
    assert len(fake.instances) == 2
    assert fake.snapshots == []
