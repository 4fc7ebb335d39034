"""The last snapshot of a cluster: taken when nothing can write any more, and never one of another cluster or time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .api import RDS, Raw
from .errors import AuroraError, FaultyWishError
from .model import AVAILABLE
from .wait import Waiter

CREATING = "creating"
# Holds the id that AWS gave the cluster: another cluster of the same name has another one.
FINAL_OF = "FinalOf"


def faults(cluster: Raw, snapshot: Raw | None) -> list[str]:
    """Why a snapshot that is there already cannot be the last one. A run that was killed left one that can."""
    if snapshot is None:
        return []
    name, of = snapshot["DBClusterSnapshotIdentifier"], cluster["DBClusterIdentifier"]
    there = f"snapshot {name} of {snapshot.get('SnapshotCreateTime', 'an unknown time')}"
    mend = "Mend: choose another name for the final snapshot, or delete this one"
    tags = {tag["Key"]: tag["Value"] for tag in snapshot.get("TagList", [])}
    resource = cluster.get("DbClusterResourceId")
    if snapshot.get("DBClusterIdentifier") != of or snapshot.get("DbClusterResourceId", resource) != resource:
        return [
            f"{there} was taken of another cluster ({snapshot.get('DBClusterIdentifier')}), not of this {of}. {mend}"
        ]
    if cluster.get("DBClusterMembers"):
        return [f"{there} is older than what the instances of {of} still write. {mend}"]
    if tags.get(FINAL_OF) != resource or not resource:
        return [
            f"{there} was not taken after the last instance of {of} was gone: its tag {FINAL_OF} does not say so. {mend}"
        ]
    if snapshot["Status"] not in (AVAILABLE, CREATING):
        return [f"{there} is {snapshot['Status']} and saves nothing. Mend: delete it and run again"]
    return []


@dataclass(frozen=True)
class Saver:
    api: RDS
    waiter: Waiter
    check_mode: bool = False

    def save(self, name: str, snapshot_name: str) -> bool:
        """Whether a snapshot was taken (or in check mode would be); it is complete at the end."""
        snapshot = self._checked(name, snapshot_name)
        if self.check_mode:
            return snapshot is None
        if snapshot is None:
            self.waiter.until_empty(name)
            # Somebody may have taken one of this name meanwhile.
            if self._checked(name, snapshot_name) is None:
                resource = str(self._cluster(name).get("DbClusterResourceId"))
                self.api.take_snapshot(snapshot_name, name, {FINAL_OF: resource, "Name": snapshot_name})
        self.waiter.until_saved(name, snapshot_name)
        return snapshot is None

    def _cluster(self, name: str) -> dict[str, Any]:
        cluster: Raw | None = self.api.cluster(name)
        if cluster is None:
            raise AuroraError(message=f"Aurora cluster {name} does not exist, so there is nothing to save")
        return cluster

    def _checked(self, name: str, snapshot_name: str) -> Raw | None:
        snapshot: Raw | None = self.api.snapshot(snapshot_name)
        found = faults(self._cluster(name), snapshot)
        if found:
            raise FaultyWishError(found)
        return snapshot
