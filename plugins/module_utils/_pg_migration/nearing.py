"""How far the follower is behind in seconds, right before a freeze: that long writers would wait for the drain."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import follow

if TYPE_CHECKING:
    import psycopg

NEAR = 0.3  # seconds from a commit on one side to its being on disk on the other: a follower that keeps up
PATIENCE = 15.0  # seconds in which one that was busy may come that near


def behind(
    publisher: psycopg.Connection[Any],
    subscriber: psycopg.Connection[Any],
    slot: str,
    budget: float,
    alive: Callable[[], None],
) -> float:
    """Seconds that the last measurement took, which is the first one that is small. Users work meanwhile, so that a freeze drains faster.

    `budget`: a drain that takes longer than this is not waited for, its seconds so far are the answer.
    """
    began = time.monotonic()
    while True:
        begun = time.monotonic()
        lsn = follow.frozen_lsn(publisher)
        try:
            spent = follow.drained(publisher, subscriber, slot, lsn, max(began + PATIENCE, begun + budget), alive)
        except follow.LateError:
            return time.monotonic() - begun
        if spent <= NEAR or time.monotonic() - began > PATIENCE:
            return spent
