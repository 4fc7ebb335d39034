"""Whether numbers are within the limits of a move; asked by its modules, and by preflight before anything is touched."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def outside(given: Mapping[str, Any], least: Mapping[str, float], most: Mapping[str, float] | None = None) -> list[str]:
    """Say which numbers are too small, too large, or none at all: every comparison with nan is false, so it is asked for what holds."""
    found = []
    for name, low in least.items():
        high = (most or {}).get(name)
        if not given[name] >= low:
            found.append(f"{name} is {given[name]}, {low} is the least")
        elif not (given[name] <= high if high is not None else given[name] < math.inf):
            found.append(
                f"{name} is {given[name]}, " + (f"{high} is the most" if high is not None else "it must be finite")
            )
    return found
