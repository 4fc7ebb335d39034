"""Decisions without I/O: what may be done, what is to be done next, how long it will take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import (
    DUMPED,
    FINISHED,
    NEW,
    REJECTED,
    RESTORED,
    RESTORING,
    Marker,
    Source,
    Target,
)

DUMP, RESTORE, VERIFY = "dump", "restore", "verify"
STEPS = (DUMP, RESTORE, VERIFY)

# Bytes of tables in a second, measured with two servers and the client on two shared cores: a cautious guess for better ones.
RATES = {DUMP: 60_000_000, RESTORE: 20_000_000, VERIFY: 120_000_000}


def remaining(phase: str) -> list[str]:
    """The steps that a journal's phase leaves to do."""
    return list({DUMPED: STEPS[1:], RESTORING: STEPS[1:], RESTORED: STEPS[2:], FINISHED: ()}.get(phase, STEPS))


def finished(marker: Marker | None, source_label: str, identity: str = "") -> bool:
    """Is the target this move's finished result? Without the source's identity its address must do."""
    if marker is None or marker.phase != FINISHED:
        return False
    return marker.source == source_label or (bool(identity) and marker.identity == identity)


def next_phase(target: Target, journal: Mapping[str, Any], identity: str, dump_complete: bool) -> str:
    """The phase from which this run goes on; a doubt means an earlier one."""
    phase = str(journal.get("phase", NEW))
    if journal.get("identity") != identity or phase in (NEW, REJECTED, FINISHED):
        return NEW
    if target.marker is None or phase in (DUMPED, RESTORING):
        return DUMPED if dump_complete else NEW
    return phase


def sessions(jobs: int) -> int:
    """The workers, those that hash beside them, their leader and our own."""
    return jobs + beside(jobs) + 2


def beside(jobs: int) -> int:
    return max(1, jobs // 2)


def estimate(source: Source, steps: list[str]) -> dict[str, int]:
    """Seconds for each step, from the size of the tables."""
    return {step: max(1, round(source.table_bytes / RATES[step])) for step in steps}
