"""What a run did, phase by phase: counted while it goes on, free of any output."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

PHASE_SEPARATOR = " | "


@dataclass
class Phase:
    """One phase: its seconds, and how many task results of each outcome it had."""

    name: str
    seconds: float = 0.0
    tasks: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


@dataclass
class Run:
    """Collects outcomes; `clock` gives seconds that only go forward."""

    clock: Callable[[], float]
    phases: dict[str, Phase] = field(default_factory=dict)
    changes: dict[str, list[str]] = field(default_factory=dict)
    faults: list[tuple[str, str, str]] = field(default_factory=list)
    durations: dict[str, float] = field(default_factory=dict)
    _current: Phase | None = None
    _since: float = 0.0
    _task: str = ""
    _task_since: float = 0.0

    def start_phase(self, play_name: str) -> None:
        """Close the phase before; plays of one phase (the name up to the separator) add up."""
        self.finish()
        name = play_name.split(PHASE_SEPARATOR, 1)[0].strip() or "unnamed"
        self._current = self.phases.setdefault(name, Phase(name))
        self._since = self.clock()

    def start_task(self, task: str) -> None:
        """Close the task before; tasks of one name add up."""
        self._finish_task()
        if self._current is not None:
            self._current.tasks += 1
        self._task, self._task_since = task, self.clock()

    def record(self, host: str, task: str, outcome: str) -> None:
        """Count one result; outcome is ok, changed, failed, ignored, unreachable or skipped."""
        phase = self._current or self.phases.setdefault("before the first play", Phase("before the first play"))
        phase.outcomes[outcome] += 1
        if outcome == "changed":
            self.changes.setdefault(task, []).append(host)
        elif outcome in ("failed", "unreachable"):
            self.faults.append((outcome, host, task))

    def finish(self) -> None:
        """Stop the clocks of the current phase and of its task."""
        self._finish_task()
        if self._current is not None:
            now = self.clock()
            self._current.seconds += now - self._since
            self._since = now

    def slowest(self, count: int, least: float = 0.0) -> list[tuple[str, float]]:
        """At most `count` names of tasks that took `least` seconds or more, the longest first."""
        long = [(task, seconds) for task, seconds in self.durations.items() if seconds >= least]
        return sorted(long, key=lambda one: one[1], reverse=True)[:count]

    def _finish_task(self) -> None:
        if self._task:
            self.durations[self._task] = self.durations.get(self._task, 0.0) + self.clock() - self._task_since
        self._task = ""

    @property
    def seconds(self) -> float:
        return sum(phase.seconds for phase in self.phases.values())
