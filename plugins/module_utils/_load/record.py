"""What a recorder has written down, and what follows from it: gaps, waits, failures. Without any I/O but reading."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .report import percentile

OUTAGES_SHOWN = 20


@dataclass(frozen=True)
class Record:
    """One request. Times are seconds since the epoch; `due` is when it ought to have been sent, `start` when it was."""

    number: int
    name: str
    due: float
    start: float
    seconds: float
    status: int
    kind: str = ""
    detail: str = ""
    acknowledged: str = ""

    @property
    def end(self) -> float:
        return self.start + self.seconds

    @property
    def wait(self) -> float:
        """From when it ought to have been sent: a client that is held up must not hide how long it was."""
        return self.end - self.due

    def line(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))


def read(path: Path) -> list[Record]:
    """The records of a file; a last line that a kill has cut off is left out."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(Record(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found


def longest_gap(records: Iterable[Record]) -> tuple[float, float]:
    """The longest time without an answer as expected, from one to the next, and when it began.

    The time before the first and after the last one counts too, so that an outage that does not end is seen.
    """
    every = sorted(records, key=lambda record: record.end)
    if not every:
        return 0.0, 0.0
    good = [record.end for record in every if not record.kind]
    marks = [min(record.due for record in every), *good, every[-1].end]
    return max(((after - before, before) for before, after in itertools.pairwise(marks)), key=lambda gap: gap[0])


def outages(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Runs of failed requests, in order of their end."""
    found: list[dict[str, Any]] = []
    before_failed = False
    for record in sorted(records, key=lambda one: one.end):
        if record.kind and not before_failed:
            found.append({"from": record.start, "to": record.end, "failed": 0, "kinds": {}})
        if record.kind:
            found[-1]["to"] = record.end
            found[-1]["failed"] += 1
            found[-1]["kinds"][record.kind] = found[-1]["kinds"].get(record.kind, 0) + 1
        before_failed = bool(record.kind)
    return found


def summarise(records: Sequence[Record]) -> dict[str, Any]:
    """The figures of each kind of request."""
    return {
        name: _figures([one for one in records if one.name == name]) for name in sorted({one.name for one in records})
    }


def _figures(records: list[Record]) -> dict[str, Any]:
    good = sorted(record.wait for record in records if not record.kind)
    gap, begin = longest_gap(records)
    return {
        "requests": len(records),
        "failed": len(records) - len(good),
        "longest_gap_seconds": round(gap, 4),
        "longest_gap_began": round(begin, 3),
        "longest_wait_seconds": round(good[-1], 4) if good else 0.0,
        "p50_seconds": round(percentile(good, 0.50), 4),
        "p99_seconds": round(percentile(good, 0.99), 4),
        "outages": outages(records)[:OUTAGES_SHOWN],
    }
