"""The processes that Podman leaves behind: an exec session keeps its conmon when its container is removed by force."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path


def of(command_line: Sequence[str], containers: Sequence[str]) -> bool:
    """Whether the words are those of a conmon of one of the containers; their ids may be short."""
    if not command_line or Path(command_line[0]).name != "conmon" or "-c" not in command_line[:-1]:
        return False
    container = command_line[command_line.index("-c") + 1]
    return any(container.startswith(short) for short in containers if short)


def end(containers: Sequence[str]) -> None:
    """End the monitors of containers that are gone."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it ended meanwhile
        if of(words, containers):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(entry.parent.name), signal.SIGKILL)
