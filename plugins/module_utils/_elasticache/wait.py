"""Wait for a replication group with a fast poll, and say why when it does not come."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .api import ElastiCache
from .errors import AnsibleElastiCacheError
from .model import AVAILABLE, CREATE_FAILED, member_ids

FIRST_POLL, POLL_FACTOR, LONGEST_POLL = 1.0, 1.3, 5.0
EVENTS_SHOWN = 5


@dataclass
class Waiter:
    """Polls after 1 s, backing off to 5 s. The clock is a parameter so that tests need no time."""

    api: ElastiCache
    timeout: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def until_available(self, group_id: str) -> None:
        def done(raw: dict[str, Any] | None) -> bool:
            if raw is None:
                raise AnsibleElastiCacheError(message=f"Replication group {group_id} went away while it was waited for")
            if raw["Status"] == CREATE_FAILED:
                raise AnsibleElastiCacheError(message=f"Replication group {group_id} failed{self._why(group_id, raw)}")
            pending = raw.get("PendingModifiedValues", {})
            return bool(raw["Status"] == AVAILABLE and "AuthTokenStatus" not in pending)

        self._poll(group_id, "available", done)

    def until_gone(self, group_id: str) -> None:
        self._poll(group_id, "deleted", lambda raw: raw is None)

    def _poll(self, group_id: str, goal: str, done: Callable[[dict[str, Any] | None], bool]) -> None:
        end, pause = self.clock() + self.timeout, FIRST_POLL
        while True:
            raw = self.api.describe_group(group_id)
            if done(raw):
                return
            left = end - self.clock()
            if left <= 0:
                raise AnsibleElastiCacheError(
                    message=f"Replication group {group_id} is not {goal} after {self.timeout:g} s"
                    f"{self._why(group_id, raw)}"
                )
            self.sleep(min(pause, left))
            pause = min(pause * POLL_FACTOR, LONGEST_POLL)

    def _why(self, group_id: str, raw: dict[str, Any] | None) -> str:
        """Status of the group and of its members, and the last events about either."""
        parts = [f"its status is {raw['Status']}" if raw else "it is not there"]
        names = member_ids(raw) if raw else []
        for name in names:
            member = self.api.describe_member(name)
            parts.append(f"{name} is {member['CacheClusterStatus'] if member else 'not there'}")
        events = self.api.events("replication-group", group_id)
        for name in names:
            events += self.api.events("cache-cluster", name)
        if events:
            parts.append("ElastiCache reported: " + " / ".join(events[-EVENTS_SHOWN:]))
        return ": " + "; ".join(parts)
