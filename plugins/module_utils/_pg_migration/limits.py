"""Least and most of each number that a move is given: the one source for the modules and for preflight."""

from __future__ import annotations

from collections.abc import Mapping

# Least values that make sense; a larger one is the operator's affair.
LEAST: Mapping[str, float] = {
    "jobs": 1,
    "part_bytes": 1024**2,
    "rate_limit": 0,
    "source_latency_limit": 0,
    "max_lag": 0,
    "follow_timeout": 1,
    "freeze_budget": 0.5,
    "sequence_margin": 0,
    "slot_wal_limit": 64 * 1024**2,
}
MOST: Mapping[str, float] = {"jobs": 256}
POOLER: Mapping[str, float] = {"pause_timeout": 0.1}
# Of the module alone: no option of the role.
WAITS: Mapping[str, float] = {"lock_wait": 0, "attach": 0}
