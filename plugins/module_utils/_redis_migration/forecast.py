"""What a freeze will take, before anybody is frozen: from what this move measured on these machines, else from our own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import STATE
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.passes import ROUNDS, known_changes
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.preflight import estimate
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.survey import Survey
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.tracking import Follower

PASS, COMPARISON = "pass", "comparison"
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
    measured = dict(journal.entries.get("measured", {}))
    measured[step] = {"keys": keys, "bytes": size, "seconds": round(seconds, 3)}
    journal.save(measured=measured)


def _measured(journal: Journal, step: str, found: Survey) -> float | None:
    """Seconds for what is there now, when the move has gone through about as much."""
    row: dict[str, Any] | None = journal.entries.get("measured", {}).get(step)
    keys, size = found.keys[STATE], found.bytes[STATE]
    if not row or not row["keys"] or row["keys"] < ENOUGH * keys:
        return None
    grown: float = max(keys / row["keys"], size / row["bytes"] if row["bytes"] else 0.0)
    return grown * float(row["seconds"])


def tells(where: Endpoint) -> bool:
    """Whether that server would tell us which keys change; the question changes nothing there."""
    follower = Follower(where)
    try:
        return follower.start()
    finally:
        follower.stop()


def forecast(writers_at: Endpoint, found: Survey, journal: Journal) -> Forecast:
    """Of the freeze of a cutover, or of a rollback where writers are at the target."""
    first, again = _measured(journal, PASS, found), _measured(journal, COMPARISON, found)
    one_pass = first or float(estimate(found))
    comparison = again or one_pass
    if tells(writers_at):
        return Forecast(known_changes(found.kinds["stream"]), one_pass, comparison, [])
    whole = one_pass + again if again else ROUNDS * one_pass
    source = "as this move measured" if first else "by the rates of another machine"
    words = (
        f"redis {writers_at.label}: it does not tell changed keys, so the freeze goes through all {found.keys[STATE]} keys"
        f" ({whole:.1f} s, {source})"
    )
    return Forecast(known_changes(0) + whole, one_pass, comparison, [words])
