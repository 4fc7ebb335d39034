"""Where the servers of tests keep their data. A database is 300 files made and removed again, which the journal of a disk makes dear;
in memory the kernel has half of the work."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - the folders below have names of their own
ROOM = 6 * 1024**3  # bytes: what all servers that stand at once may come to, several times over


def in_memory() -> Path | None:
    """A folder of the memory where that has room, free and not only promised; None else."""
    try:
        promised = shutil.disk_usage(MEMORY).free
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    free = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)
    return MEMORY if min(promised, free) >= ROOM else None


def scratch(prefix: str, on_disk: bool = False) -> Path:
    """A new folder, the caller's to remove. Short: the path of a socket in it has 107 characters at most."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=None if on_disk else in_memory()))
