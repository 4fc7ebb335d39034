"""Least of each number that a move of Redis is given: the one source for the module and for preflight."""

from __future__ import annotations

from collections.abc import Mapping

LEAST: Mapping[str, float] = {"freeze_limit": 0.5}
# Of the module alone: no option of the role.
INSIDE: Mapping[str, float] = {"batch_keys": 1, "batch_bytes": 1, "big_bytes": 1, "ttl_tolerance": 0, "lock_wait": 0}
