"""Wait for a cluster and its instances with a fast poll, and say why when they do not come."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from .api import RDS, Raw
from .errors import AuroraError
from .model import AVAILABLE

FIRST_POLL, POLL_FACTOR, LONGEST_POLL = 1.0, 1.2, 2.0
EVENTS_SHOWN = 5
# No wait ends well from here.
FAILED = frozenset(
    {
        "failed",
        "inaccessible-encryption-credentials",
        "incompatible-create",
        "incompatible-network",
        "incompatible-option-group",
        "incompatible-parameters",
        "incompatible-restore",
        "insufficient-capacity",
        "restore-error",
        "storage-full",
    }
)

# Nor from here, before somebody starts it.
STOPPED = frozenset({"stopped", "stopping"})


@dataclass
class Waiter:
    """Polls after 1 s, backing off to 2 s. The clock is a parameter so that tests need no time."""

    api: RDS
    timeout: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def until_available(self, name: str, instance_names: list[str], changed: Collection[str] = ()) -> bool:
        """Whether there was anything to wait for.

        After a change RDS says `available` for a while before it begins, so of what was changed nothing may be pending.
        """

        def left() -> dict[str, str]:
            states = self._states(name, instance_names, changed)
            self._refuse_stopped(name, states)
            failed = [what for what, state in states.items() if state in FAILED]
            if failed:
                raise AuroraError(message=f"{' and '.join(failed)} cannot become available{self._why(name, states)}")
            return {what: state for what, state in states.items() if state != AVAILABLE}

        return self._poll(name, "available", left)

    def until_empty(self, name: str) -> bool:
        """Until nothing of the cluster runs that could still write; it may then be saved."""

        def left() -> dict[str, str]:
            cluster = self._cluster(name)
            members = [member["DBInstanceIdentifier"] for member in cluster.get("DBClusterMembers", [])]
            states = {f"instance {member}": "a member" for member in members}
            states |= {f"instance {i['DBInstanceIdentifier']}": i["DBInstanceStatus"] for i in self.api.instances(name)}
            if cluster["Status"] != AVAILABLE:
                states[f"cluster {name}"] = str(cluster["Status"])
                self._refuse_stopped(name, states)
            return states

        return self._poll(name, "without instances", left)

    def until_saved(self, name: str, snapshot: str) -> bool:
        """Until the snapshot is complete."""

        def left() -> dict[str, str]:
            found: Raw | None = self.api.snapshot(snapshot)
            state = str(found["Status"]) if found else "missing"
            if state in FAILED:
                raise AuroraError(message=f"snapshot {snapshot} is {state} and saves nothing: delete it and run again")
            return {} if state == AVAILABLE else {f"snapshot {snapshot}": state}

        return self._poll(name, f"saved in snapshot {snapshot}", left)

    def _poll(self, name: str, goal: str, look: Callable[[], dict[str, str]]) -> bool:
        """Polls until a look finds nothing that is left to wait for."""
        end, pause, waited = self.clock() + self.timeout, FIRST_POLL, False
        while states := look():
            left = end - self.clock()
            if left <= 0:
                message = f"Aurora cluster {name} is not {goal} after {self.timeout:g} s{self._why(name, states)}"
                raise AuroraError(message=message)
            waited = True
            self.sleep(min(pause, left))
            pause = min(pause * POLL_FACTOR, LONGEST_POLL)
        return waited

    def _cluster(self, name: str) -> Raw:
        cluster: Raw | None = self.api.cluster(name)
        if cluster is None:
            raise AuroraError(message=f"Aurora cluster {name} does not exist: run the role that creates it first")
        return cluster

    def _states(self, name: str, instance_names: list[str], changed: Collection[str]) -> dict[str, str]:
        cluster = self._cluster(name)
        states = {f"cluster {name}": _state(cluster, "Status", name in changed)}
        if instance_names:
            have = {i["DBInstanceIdentifier"]: i for i in self.api.instances(name)}
            for one in instance_names:
                state = _state(have[one], "DBInstanceStatus", one in changed) if one in have else "missing"
                states[f"instance {one}"] = state
        return states

    def _refuse_stopped(self, name: str, states: dict[str, str]) -> None:
        stopped = [f"{what} is {state}" for what, state in states.items() if state in STOPPED]
        if stopped:
            raise AuroraError(
                message=f"{' and '.join(stopped)}, and does not start by itself. Mend: once it is stopped,"
                f" aws rds start-db-cluster --db-cluster-identifier {name}, and run again"
            )

    def _why(self, name: str, states: dict[str, str]) -> str:
        parts = [f"{what} is {state}" for what, state in states.items() if state != AVAILABLE]
        events = self.api.events("db-cluster", name)
        for what in states:
            if what.startswith("instance "):
                events += self.api.events("db-instance", what.removeprefix("instance "))
        if events:
            parts.append("RDS reported: " + " / ".join(events[-EVENTS_SHOWN:]))
        return ": " + "; ".join(parts)


def _state(raw: Raw, key: str, changed: bool) -> str:
    status, pending = str(raw[key]), raw.get("PendingModifiedValues") or {}
    if status == AVAILABLE and changed and pending:
        return f"{AVAILABLE} with {', '.join(sorted(pending))} pending"
    return status
