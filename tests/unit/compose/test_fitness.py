"""A host that cannot run containers is told so before an engine is installed on it."""

from __future__ import annotations

import time

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._compose.fitness import Seen, Wanted, faults, look

WANTED = Wanted(memory_mb=900, disk_mb=4096, clock_skew=30)
SMALL = Seen(memory_mb=400, disk_mb=287, clock_skew=-3600.4)


def test_everything_is_said_at_once_with_its_mend() -> None:
    clock, memory, disk = faults(SMALL, WANTED, fresh=True)
    assert (
        "the clock is -3600 s off the controller's (at most 30 s, container_engine_max_clock_skew); start chrony"
        in clock
    )
    assert "400 MB of memory, and container_engine_memory_mb asks for 900; take a bigger instance type" in memory
    assert "287 MB free under /var/lib, and container_engine_disk_mb asks for 4096; make room" in disk


@pytest.mark.parametrize(
    ("seen", "wanted", "fresh", "found"),
    [
        (SMALL, WANTED, False, 1),  # its room is used by what runs there; its clock must be right at any time
        (SMALL, Wanted(), True, 0),  # nothing was asked for
        (Seen(900, 4096, 30.0), WANTED, True, 0),  # just enough
    ],
)
def test_only_what_is_asked_for(seen: Seen, wanted: Wanted, fresh: bool, found: int) -> None:
    assert len(faults(seen, wanted, fresh)) == found


def test_looks_at_this_host() -> None:
    seen = look(time.time() - 50)
    assert seen.memory_mb > 100
    assert seen.disk_mb > 0
    assert 49 < seen.clock_skew < 60
    assert look(0).clock_skew == 0
