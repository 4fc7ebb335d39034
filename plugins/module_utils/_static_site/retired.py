"""Files that a new build left behind and that open pages may still ask for: kept for a while, then removed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

DAY = 86_400.0


@dataclass(frozen=True)
class Retired:
    """Which objects stay and since when nothing names them, and which have stayed long enough."""

    held: Mapping[str, float] = field(default_factory=dict)
    expired: frozenset[str] = frozenset()

    def differs(self, known: Mapping[str, float]) -> bool:
        return dict(self.held) != dict(known)


def retire(orphans: Iterable[str], known: Mapping[str, float], days: float, now: float) -> Retired:
    """`known`: since when, as an earlier run wrote it down. One that a build has again is forgotten."""
    since = {key: known.get(key, now) for key in orphans}
    held = {key: moment for key, moment in since.items() if now - moment < days * DAY}
    return Retired(held, frozenset(since.keys() - held.keys()))
