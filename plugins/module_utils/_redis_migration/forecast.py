"""What a freeze will take, before anybody is frozen: from what this move measured on these machines, else from our own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import STATE, shown
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.passes import ROUNDS, known_changes
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.preflight import estimate
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.settle import (
    BIG_RATE,
    Cost,
    hot_words,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.survey import Survey
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.tracking import Follower

PASS, COMPARISON = "pass", "comparison"
MOMENT = 1.0  # seconds; what is written to less often rests when the freeze begins, as a rule
ENOUGH = 0.5  # of the keys of today; a measure of fewer is mostly the time of round trips


@dataclass(frozen=True)
class Forecast:
    """Seconds that writers will wait, and what a person should know about them."""

    seconds: float
    copy: float
    comparison: float
    told: list[str]


def note(journal: Journal, step: str, keys: int, size: int, seconds: float) -> None:
    """Remember how long going through so many keys took."""
    measured = measures(journal)
    measured[step] = {"keys": keys, "bytes": size, "seconds": round(seconds, 3)}
    journal.save(measured=measured)


def _hot(found: Survey, changed: set[bytes]) -> dict[str, Cost]:
    """The largest keys that cannot wait a moment for the next write."""
    names = {shown(key) for key in changed} - found.big_streams
    return {name: Cost(size, size / BIG_RATE) for name, size in found.big if name in names}


def _measured(measured: Mapping[str, Any], step: str, found: Survey) -> float | None:
    """Seconds for what is there now, when the move has gone through about as much."""
    row: dict[str, Any] | None = measured.get(step)
    keys, size = found.keys[STATE], found.bytes[STATE]
    if not row or not row["keys"] or row["keys"] < ENOUGH * keys:
        return None
    grown: float = max(keys / row["keys"], size / row["bytes"] if row["bytes"] else 0.0)
    return grown * float(row["seconds"])


def tells(where: Endpoint, moment: float) -> set[bytes] | None:
    """Which keys change there within a moment; none where that server would not tell us. The question changes nothing there."""
    follower = Follower(where)
    try:
        if not follower.start():
            return None
        time.sleep(moment)
        return follower.take()
    finally:
        follower.stop()


def measures(journal: Journal) -> dict[str, Any]:
    """What `note` has kept."""
    return dict(journal.entries.get("measured", {}))


def forecast(writers_at: Endpoint, found: Survey, measured: Mapping[str, Any]) -> Forecast:
    """Of the freeze of a cutover, or of a rollback where writers are at the target. `measured`: by this move, empty before it."""
    first, again = _measured(measured, PASS, found), _measured(measured, COMPARISON, found)
    one_pass = first or float(estimate(found))
    comparison = again or one_pass
    changed = tells(writers_at, MOMENT if found.big else 0.0)
    if changed is not None:
        hot = _hot(found, changed)
        seconds = known_changes(found.kinds["stream"]) + sum(cost.seconds for cost in hot.values())
        told = [f"redis {writers_at.label}: {hot_words(hot)}"] if hot else []
        return Forecast(seconds, one_pass, comparison, told)
    whole = one_pass + again if again else ROUNDS * one_pass
    source = "as this move measured" if first else "by the rates of another machine"
    words = (
        f"redis {writers_at.label}: it does not tell changed keys, so the freeze goes through all {found.keys[STATE]} keys"
        f" ({whole:.1f} s, {source})"
    )
    return Forecast(known_changes(0) + whole, one_pass, comparison, [words])
