"""What keeps a host from running containers, found before anything is touched on it."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

PLACE = "/var/lib"  # both engines keep images and volumes below it
MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True)
class Wanted:
    """Least amounts in MB (2**20 bytes), the greatest difference of the clocks in seconds; 0 asks for nothing."""

    memory_mb: int = 0
    disk_mb: int = 0
    clock_skew: float = 0


@dataclass(frozen=True)
class Seen:
    """What the host has: memory in all, room under PLACE, and its clock less the controller's."""

    memory_mb: int
    disk_mb: int
    clock_skew: float


def look(controller_time: float) -> Seen:
    """`controller_time`: seconds since 1970 on the controller, 0 where it was not told."""
    memory = next(line for line in MEMINFO.read_text(encoding="utf-8").splitlines() if line.startswith("MemTotal:"))
    return Seen(
        memory_mb=int(memory.split()[1]) >> 10,
        disk_mb=shutil.disk_usage(PLACE).free >> 20,
        clock_skew=time.time() - controller_time if controller_time else 0.0,
    )


def faults(seen: Seen, wanted: Wanted, fresh: bool) -> list[str]:
    """Everything at once, each with its mend. `fresh`: no engine is there yet; a host that runs has used its room for what it runs."""
    found = []
    if wanted.clock_skew and abs(seen.clock_skew) > wanted.clock_skew:
        found.append(
            f"the clock is {seen.clock_skew:+.0f} s off the controller's (at most {wanted.clock_skew:g} s, container_engine_max_clock_skew);"
            " start chrony or systemd-timesyncd"
        )
    if fresh and seen.memory_mb < wanted.memory_mb:
        found.append(
            f"{seen.memory_mb} MB of memory, and container_engine_memory_mb asks for {wanted.memory_mb}; take a bigger instance type"
        )
    if fresh and seen.disk_mb < wanted.disk_mb:
        found.append(
            f"{seen.disk_mb} MB free under {PLACE}, and container_engine_disk_mb asks for {wanted.disk_mb}; make room, or take a bigger volume"
        )
    return found
