"""Who does what next: copies largest first, and the keys and indexes of a table as soon as its last part is there."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.plan import TABLE, Part, Step


class StoppedError(Exception):
    """Another worker has failed; this one's work is given up."""


class Board:
    """Shared by all workers of one seed."""

    def __init__(self, parts: Iterable[Part], steps: Iterable[Step]) -> None:
        self._parts = list(parts)  # largest first
        self._steps = sorted(
            (step for step in steps if step.stage == TABLE), key=lambda step: (-step.weight, step.number)
        )
        self._missing = Counter(part.table.label for part in self._parts)
        self._building: Counter[str] = Counter()
        self._alone: set[str] = set()
        self._copying = 0
        self._change = threading.Condition()
        self.deferred: list[Step] = []
        self.failure: BaseException | None = None

    def fail(self, error: BaseException) -> None:
        with self._change:
            if self.failure is None and not isinstance(error, StoppedError):
                self.failure = error
            self._change.notify_all()

    def check(self) -> None:
        if self.failure is not None:
            raise StoppedError

    def next_part(self) -> Part | None:
        """None when every part has been given out."""
        with self._change:
            self.check()
            if not self._parts:
                return None
            self._copying += 1
            return self._parts.pop(0)

    @property
    def given_out(self) -> bool:
        """No part is left for one more worker."""
        with self._change:
            return not self._parts

    def part_done(self, part: Part) -> None:
        with self._change:
            self._copying -= 1
            self._missing[part.table.label] -= 1
            self._change.notify_all()

    def wait_for_copies(self, patience: float) -> bool:
        """True when every row has been read; False after a while."""
        with self._change:
            if self.failure is None and (self._parts or self._copying):
                self._change.wait(patience)
            return self.failure is None and not self._parts and not self._copying

    def next_step(self) -> Step | None:
        """Wait until something can be built; None when all is built or being built."""
        with self._change:
            while True:
                self.check()
                for place, step in enumerate(self._steps):
                    if self._ready(step):
                        del self._steps[place]
                        self._building[step.table] += 1
                        if step.alone:
                            self._alone.add(step.table)
                        return step
                if not self._steps:
                    return None
                self._change.wait()

    def _ready(self, step: Step) -> bool:
        """A key locks its table: keys come first, one after the other, then all indexes side by side, then the statistics."""
        if self._missing[step.table] > 0 or step.table in self._alone:
            return False
        if step.last:
            return self._building[step.table] == 0 and not any(
                other.table == step.table and not other.last for other in self._steps
            )
        if step.alone:
            return self._building[step.table] == 0
        return not any(other.alone and other.table == step.table for other in self._steps)

    def step_done(self, step: Step) -> None:
        with self._change:
            self._building[step.table] -= 1
            if step.alone:
                self._alone.discard(step.table)
            self._change.notify_all()

    def defer(self, step: Step) -> None:
        """It needs something that is made later."""
        self.deferred.append(step)
        self.step_done(step)

    @property
    def steps_left(self) -> int:
        return len(self._steps) + sum(self._building.values())
