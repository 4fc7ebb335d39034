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
    """What the condition returned when it was first true; else AssertionError with the words, after that many seconds.

    It is asked after a pause, and no shorter one than it takes to answer, up to half a second: one that connects to a server would
    else keep from its work what it waits for.
    """
    begun = time.monotonic()
    end = begun + seconds
    while not (found := condition()):
        now = time.monotonic()
        assert now < end, f"{words} (waited {seconds:.0f} s)"
        time.sleep(max(pause, min(now - begun, 0.5)))
        begun = time.monotonic()
    return found


def crowded() -> float:
    """How much slower than alone this machine is now: seconds are meant for one that has nothing else to do."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
