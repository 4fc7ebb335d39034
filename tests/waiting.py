"""Waiting for a state that must come, without a claim on how soon; and what a claim in seconds means on a machine that is busy."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

# What a machine needs that builds Kubernetes, runs two other lanes and has a cold disk: a first start took over 10 s there. What comes
# sooner costs nothing; a test that bounds a time measures it itself.
PATIENCE = 120.0


def until(
    condition: Callable[[], Found],
    words: str = "it did not come to pass",
    seconds: float = PATIENCE,
    pause: float = 0.01,
) -> Found:
    """What the condition returned when it was first true; else AssertionError with the words, after that many seconds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{words} (waited {seconds:.0f} s)"
        time.sleep(pause)
    return found


def crowded() -> float:
    """How much slower than alone this machine is now: seconds are meant for one that has nothing else to do."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
