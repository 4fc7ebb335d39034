"""Keys carried over and compared at once: a proof for each that nobody wrote to meanwhile, so for all in a freeze."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.compare import Compare
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keys import sizes
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import Difference, shown
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.pieces import UNREAD
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.transfer import Transfer

BIG_RATE = (
    10 * 1024**2
)  # bytes a second of a big key, as the server counts them; of lists on two busy cores, members take longer
MIB = 1024**2


@dataclass(frozen=True)
class Cost:
    """Of a big key in a freeze, where it was written to since it was compared."""

    size: int
    seconds: float


def hot_words(hot: dict[str, Cost]) -> str:
    """The big keys that a freeze has to read, for a person; empty where there are none."""
    rows = sorted(hot.items(), key=lambda row: -row[1].seconds)[:5]
    names = ", ".join(f"{name} ({cost.size / MIB:.1f} MiB, {cost.seconds:.2f} s)" for name, cost in rows)
    return names and (
        f"big keys that are written to all the time are read whole in the freeze, {len(hot)} of them: {names}. Mend: nothing where that fits;"
        " else cut such a key into several, let its writers rest, or declare its prefix as cache"
    )


def named(costs: dict[bytes, Cost]) -> dict[str, Cost]:
    return {shown(key): cost for key, cost in costs.items()}


def settle(transfer: Transfer, keys: Sequence[bytes], took: dict[bytes, Cost]) -> list[Difference]:
    """What differs even now. `took` is told what big keys cost."""
    compare = Compare(transfer)
    weights = sizes(transfer.here.link, keys, "memory" in transfer.here.server.can)
    most = transfer.options.big_bytes
    small = [(key, size) for key, size in zip(keys, weights, strict=True) if size <= most]
    found: list[Difference] = []
    if small:
        names = [key for key, _ in small]
        transfer.move(names, compare=False, weights=[size for _, size in small])
        transfer.flush()
        found = compare.differences(names)
    for key, size in zip(keys, weights, strict=True):
        if size > most:
            began = time.monotonic()
            found += _big(transfer, compare, key, size)
            took[key] = Cost(size, time.monotonic() - began)
    return found


def _big(transfer: Transfer, compare: Compare, key: bytes, size: int) -> list[Difference]:
    transfer.pieces.left = UNREAD  # for a stream, and for one that is gone
    transfer.move([key], compare=False, weights=[size])
    transfer.flush()
    if not transfer.pieces.left and not transfer.ending(key, mend=False):
        transfer.tally.compared += 1
        return []
    return compare.differences([key])
