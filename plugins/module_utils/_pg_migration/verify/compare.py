"""Comparing tables range by range over several pairs of sessions, and locating what differs to the row.

It holds little: sums of ranges come from the servers, and keys are fetched for short ranges only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import RLock

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import ranges, rows
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.pair import Pair, Work, share
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.pgoutput import Key
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.ranges import Range
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.rows import Difference
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.subject import Subject

KEYS_AT_ONCE = 2_000
PENDING = 5_000  # differing rows that wait for the slot to be read before they are judged


@dataclass
class Result:
    """What came out for one table."""

    subject: Subject
    rows: list[int] = field(default_factory=lambda: [0, 0])
    sums: list[int] = field(default_factory=lambda: [0, 0])
    ranges: int = 0
    parts: int = 0  # ranges that the table was cut into
    left: int = 0  # of these, those that are still to be asked
    seconds: float = 0.0  # of all sessions together
    set_aside: int = 0  # rows that differed and changed meanwhile
    whole_again: bool = False  # no key: to be compared again when nobody writes
    faults: list[str] = field(default_factory=list)
    more: int = 0  # faults that are counted only

    @property
    def done_bytes(self) -> int:
        """The ranges of a table hold about as many rows each."""
        if self.parts:
            return self.subject.bytes * (self.parts - self.left) // self.parts
        return self.subject.bytes if self.ranges else 0


# Says which of the rows did not change since the comparison began: those are faults.
Judge = Callable[[Sequence[Difference]], Sequence[Difference]]


class Comparison:
    """One comparison of many tables."""

    def __init__(self, leg: Leg, subjects: Sequence[Subject], judge: Judge, shown: int = 50) -> None:
        self.leg, self.judge, self.shown = leg, judge, shown
        self.results = {one.label: Result(one) for one in subjects}
        self.pending: list[Difference] = []
        self.lock = RLock()
        self.work: Work[Subject | Range] = Work(subjects)
        self.between: Callable[[], None] = lambda: None  # called after each question
        self.range_rows = ranges.RANGE_ROWS

    def run(self, jobs: int, *settings: str) -> None:
        share(self.leg, jobs, self.work, self._do, *settings)
        self._judge(final=True)

    def _do(self, pair: Pair, item: Subject | Range) -> None:
        began = time.monotonic()
        if isinstance(item, Subject):
            self._begin(pair, item)
        else:
            self._range(pair, item)
        result = self.results[(item if isinstance(item, Subject) else item.subject).label]
        with self.lock:
            result.seconds += time.monotonic() - began
        self._judge()
        self.between()

    def _begin(self, pair: Pair, subject: Subject) -> None:
        if subject.key and not subject.ordered:
            self._buckets(pair, subject)
            return
        parts = ranges.of_table(pair, subject, self.range_rows)
        result = self.results[subject.label]
        with self.lock:
            result.parts = result.left = len(parts)
        self.work.add(parts)

    def _count(self, subject: Subject, found: ranges.Sums) -> None:
        result = self.results[subject.label]
        with self.lock:
            result.ranges += 1
            for place, side in enumerate((found.here, found.there)):
                result.rows[place] += side[0]
                result.sums[place] += side[1]

    def _range(self, pair: Pair, one: Range) -> None:
        found = ranges.sums(pair, one)
        self._count(one.subject, found)
        with self.lock:
            self.results[one.subject.label].left -= 1
        if found.equal:
            return
        if one.subject.key:
            self._locate(pair, one, found)
        else:
            self._keyless(pair, one.subject, found)

    def _locate(self, pair: Pair, one: Range, found: ranges.Sums) -> None:
        """Cut what differs into parts until the rest is short enough to be listed."""
        if found.most <= ranges.LIST_ROWS:
            self._suspects(pair, one.subject, ranges.unlike(*ranges.hashes(pair, one)))
            return
        parts = ranges.split(pair, one, found)
        if len(parts) == 1:  # it has shrunk meanwhile
            self._suspects(pair, one.subject, ranges.unlike(*ranges.hashes(pair, one)))
            return
        for part in parts:
            again = ranges.sums(pair, part)
            if not again.equal:
                self._locate(pair, part, again)

    def _buckets(self, pair: Pair, subject: Subject) -> None:
        found = ranges.bucket_sums(pair, subject)
        for one in found.values():
            self._count(subject, one)
        for group in ranges.portions(found):
            self._suspects(pair, subject, ranges.unlike(*ranges.bucket_hashes(pair, subject, group)))

    def _keyless(self, pair: Pair, subject: Subject, found: ranges.Sums) -> None:
        result = self.results[subject.label]
        where = ranges.without_key(pair, subject)
        with self.lock:
            result.whole_again = True
            result.faults = [
                f"table {subject.label} (without a key): {found.here[0]} rows on the {self.leg.publisher.side},"
                f" {found.there[0]} on the {self.leg.subscriber.side}" + (f"; {where}" if where else "")
            ]

    def _suspects(self, pair: Pair, subject: Subject, keys: Sequence[Key]) -> None:
        """Ask once more by key: what was only on its way, or sorted elsewhere, is equal by now."""
        for start in range(0, len(keys), KEYS_AT_ONCE):
            some = keys[start : start + KEYS_AT_ONCE]
            pair.set(*rows.BY_INDEX)
            named = len(self.results[subject.label].faults) < self.shown
            found = rows.with_columns(pair, rows.differing(pair, subject, some), rows.NAMED if named else 0)
            pair.set(*(setting.split()[0] + " TO DEFAULT" for setting in rows.BY_INDEX))
            with self.lock:
                self.pending += found
                self.results[subject.label].set_aside += len(some) - len(found)
            self._judge()

    def _judge(self, final: bool = False) -> None:
        with self.lock:
            if not self.pending or (len(self.pending) < PENDING and not final):
                return
            waiting, self.pending = self.pending, []
        faults = set(self.judge(waiting))
        with self.lock:
            for one in waiting:
                result = self.results[one.subject.label]
                if one not in faults:
                    result.set_aside += 1
                elif len(result.faults) < self.shown:
                    result.faults.append(one.words(self.leg.subscriber.side))
                else:
                    result.more += 1

    def faults(self) -> list[str]:
        words: list[str] = []
        for one in self.results.values():
            words += one.faults
            if one.more:
                words.append(f"table {one.subject.label}: {one.more} more rows")
        return words
