"""Wait until the edge has taken a change, and say what was waited for when it does not come."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from .api import CloudFront
from .errors import CloudFrontError

FIRST_POLL, POLL_FACTOR, LONGEST_POLL = 1.0, 1.5, 15.0
DEPLOYED, COMPLETED = "Deployed", "Completed"


@dataclass
class Waiter:
    """Polls after 1 s, backing off to 15 s. The clock is a parameter so that tests need no time."""

    api: CloudFront
    timeout: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def until_deployed(self, distribution_id: str) -> None:
        def status() -> str:
            found = self.api.distribution(distribution_id)
            if found is None:
                raise CloudFrontError(message=f"Distribution {distribution_id} went away while it was waited for")
            return str(found[0]["Status"])

        self._poll(f"Distribution {distribution_id}", DEPLOYED, status)

    def until_vpc_origin_deployed(self, origin_id: str) -> None:
        def status() -> str:
            found = self.api.vpc_origin(origin_id)
            return str(found[0]["Status"]) if found else "gone"

        self._poll(f"VPC origin {origin_id}", DEPLOYED, status)

    def until_invalidated(self, distribution_id: str, invalidation_id: str) -> None:
        self._poll(
            f"Invalidation {invalidation_id} of distribution {distribution_id}",
            COMPLETED,
            lambda: str(self.api.invalidation_status(distribution_id, invalidation_id)),
        )

    def _poll(self, what: str, goal: str, status: Callable[[], str]) -> None:
        end, pause = self.clock() + self.timeout, FIRST_POLL
        while True:
            seen = status()
            if seen == goal:
                return
            left = end - self.clock()
            if left <= 0:
                raise CloudFrontError(
                    message=f"{what} is not {goal} after {self.timeout:g} s: its status is {seen}."
                    " CloudFront goes on by itself. Mend: run again later, or raise the timeout"
                )
            self.sleep(min(pause, left))
            pause = min(pause * POLL_FACTOR, LONGEST_POLL)
