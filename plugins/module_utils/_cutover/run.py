"""One freeze for all stores, with one verdict: all of them move, or none does.

Until every store has switched the old sides are where writers go back to; from then on the new sides are. That moment is written down
before the first writer is let in, so that whoever finds a dead run knows which way to go.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ansible_collections.tiketi.platform.plugins.module_utils._cutover import bounded
from ansible_collections.tiketi.platform.plugins.module_utils._cutover.participant import Participant
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    BudgetError,
    DifferenceError,
    MigrationError,
)

# Steps in their order. A run that died before SWITCHED is called off, later it goes on.
BEGUN, PREPARING, FREEZING, SETTLING, SWITCHING, SWITCHED, OPENED, REOPENING = (
    "begun",
    "preparing",
    "freezing",
    "settling",
    "switching",
    "switched",
    "opened",
    "reopening",
)
DECIDED = (SWITCHED, OPENED)
RETRY = 0.5
ROUNDS, MOMENT = 3, 2.0  # rounds of coming near, and seconds of one in which too little is written to lengthen a freeze
ATTEMPT = 25.0  # seconds that one attempt to open a side may take: more than two addresses that do not answer
Result = TypeVar("Result")


class Ledger(Protocol):
    """Where the run writes down how far it is, before it does the next thing."""

    def step(self, name: str) -> None: ...


@dataclass
class Outcome:
    """What a person wants to know afterwards."""

    where: str  # "new" or "old": the side that writers are at
    seconds: dict[str, float] = field(default_factory=dict)
    gap: float = 0.0  # from the first store that held its writers until the last one let them go on
    predicted: float = 0.0
    notices: list[str] = field(default_factory=list)


@dataclass
class Run:
    """One cutover. `budget`: seconds from the freeze until writers go on somewhere."""

    participants: Sequence[Participant]
    budget: float
    ledger: Ledger
    rehearse: bool = False
    before_freeze: Callable[[], None] = lambda: None
    reopen_patience: float = 60.0
    outcome: Outcome = field(default_factory=lambda: Outcome("old"))
    frozen_at: float = 0.0

    def go(self) -> Outcome:
        self._prepare()
        try:
            self._freeze()
            self._settle()
            if self.rehearse:
                self._reopen()
                return self.outcome
            self._switch()
        except BaseException as error:
            raise self._called_off(error) from error
        return self.forward()

    def forward(self) -> Outcome:
        """After the point of no return: writers are let in at the new sides, again and again until it works."""
        deadline = time.monotonic() + max(self.budget, self.reopen_patience)
        for one in self.participants:
            self._insist("open", one, one.open, deadline, "run cutover again, it goes on from here")
        self.ledger.step(OPENED)
        self.outcome.where = "new"
        self._gap()
        for one in self.participants:
            getattr(one, "after", lambda: None)()
        self._collect()
        return self.outcome

    def back(self) -> Outcome:
        """Writers go on at the old sides."""
        self._reopen()
        return self.outcome

    def _prepare(self) -> None:
        self.ledger.step(PREPARING)
        try:
            self._make_ready()
            self._come_near()
            self.outcome.predicted = sum(self._predicted(one) for one in self.participants)
            if self.outcome.predicted > self.budget:
                raise BudgetError(
                    f"the freeze would take about {self.outcome.predicted:.1f} s, {self.budget:.1f} s are allowed; nothing was frozen."
                    " Mend: a larger freeze_budget, compare=changed after a fresh online verification, or fewer large objects and views"
                )
            self.before_freeze()
        except BaseException:
            # Nothing is frozen, but what was made ready is taken away again, as far as it can be.
            for one in reversed(self.participants):
                with contextlib.suppress(Exception):
                    getattr(one, "abandon", one.reopen)()
            self.ledger.step("")
            raise

    def _make_ready(self) -> None:
        """The first store is made ready last: copying another one may take long, and meanwhile it would grow old. So it is asked before that
        whether it could go at all.
        """
        for one in self.participants[:-1]:
            getattr(one, "check", lambda: None)()
        for one in reversed(self.participants):
            self._listen_to(one)
            self._timed(f"prepare {one.name}", one.prepare)

    def _listen_to(self, one: Participant) -> None:
        """How far it is goes where somebody may look while this lasts."""
        tell: Callable[[str], None] | None = getattr(self.ledger, "tell", None)
        if tell and hasattr(one, "tell"):
            one.tell = lambda words: tell(f"{one.name}: {words}")

    def _come_near(self) -> None:
        """While one store is made ready, or comes near, the others fall behind what users write: again, until all of them together are quick."""
        for _ in range(ROUNDS):
            began = time.monotonic()
            for one in reversed(self.participants):
                self._timed(f"near {one.name}", getattr(one, "near", lambda: None))
            if time.monotonic() - began < MOMENT:
                return

    @staticmethod
    def _predicted(one: Participant) -> float:
        return float(getattr(one, "predict", lambda: 0.0)())

    def _freeze(self) -> None:
        self.ledger.step(FREEZING)
        self.frozen_at = time.monotonic()
        for one in self.participants:
            self._timed(f"freeze {one.name}", self._in_time(one, one.freeze, "freeze"))

    def _settle(self) -> None:
        self.ledger.step(SETTLING)
        differences: list[str] = []
        failed: list[BaseException] = []

        def settle(one: Participant) -> None:
            try:
                found = self._timed(f"settle {one.name}", self._in_time(one, one.settle, "settle"))
                differences.extend(f"{one.name}: {words}" for words in found)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=settle, args=(one,), daemon=True) for one in self.participants]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        if differences:
            raise DifferenceError("old and new side are not the same after the drain", differences)

    def _switch(self) -> None:
        self.ledger.step(SWITCHING)
        for one in self.participants:
            self._timed(f"switch {one.name}", self._in_time(one, one.switch, "switch"))
        self.ledger.step(SWITCHED)

    def _in_time(self, one: Participant, work: Callable[[], Result], what: str) -> Callable[[], Result]:
        """What hangs (a server that does not answer any more) is left alone when the budget is spent."""

        def in_time() -> Result:
            try:
                return bounded.run(work, self.frozen_at + self.budget - time.monotonic())
            except bounded.LateError:
                step = getattr(one, "doing", "")
                _cancel(one)
                raise BudgetError(
                    f"{what} of {one.name}{f' (step {step})' if step else ''} was not done when the budget of {self.budget:.1f} s was spent"
                ) from None

        return in_time

    def _reopen(self) -> None:
        self.ledger.step(REOPENING)
        deadline = time.monotonic() + self.reopen_patience
        for one in reversed(self.participants):
            self._insist("reopen", one, one.reopen, deadline, "run cutover again, it opens the old side first")
        self.ledger.step("")
        self.outcome.where = "old"
        self._gap()
        self._collect()

    def _called_off(self, error: BaseException) -> BaseException:
        """Open the old sides, then say why; what went wrong first stays the message."""
        said = str(error) if isinstance(error, Exception) else f"stopped ({type(error).__name__})"
        try:
            self._reopen()
        except Exception as worse:
            return MigrationError(f"{said}. And the old side is not open yet: {worse}")
        ending = f"; the old side is open again, writers waited {self.outcome.gap:.1f} s, nothing was lost"
        if isinstance(error, DifferenceError):
            return DifferenceError(f"the cutover was called off{ending}. Differences", error.differences)
        if isinstance(error, BudgetError):
            return BudgetError(f"the cutover was called off: {said}{ending}")
        return MigrationError(f"the cutover was called off: {said}{ending}") if isinstance(error, Exception) else error

    def _insist(self, verb: str, one: Participant, work: Callable[[], None], deadline: float, mend: str) -> None:
        """A server that restarts is there again in a moment. An attempt that hangs is left alone, and the next one begins with new sessions."""
        what = f"{verb} {one.name}"
        while True:
            getattr(self.ledger, "beat", lambda: None)()
            try:
                return self._timed(what, lambda: bounded.run(work, ATTEMPT))
            except Exception as error:
                if isinstance(error, bounded.LateError):
                    _cancel(one)
                if time.monotonic() > deadline:
                    raise MigrationError(f"{what}: {' '.join(str(error).split())}. Mend: {mend}") from error
                time.sleep(RETRY)

    def _timed(self, what: str, work: Callable[[], Result]) -> Result:
        began = time.monotonic()
        try:
            return work()
        finally:
            self.outcome.seconds[what] = round(time.monotonic() - began, 3)

    def _gap(self) -> None:
        if self.frozen_at:
            self.outcome.gap = round(time.monotonic() - self.frozen_at, 3)

    def _collect(self) -> None:
        for one in self.participants:
            details: dict[str, Any] = getattr(one, "seconds", {})
            self.outcome.seconds.update({f"{one.name}: {step}": spent for step, spent in details.items()})
            self.outcome.notices += getattr(one, "notices", [])


def _cancel(one: Participant) -> None:
    """Whatever hangs must not go on when it comes back."""
    getattr(one, "cancel", lambda: None)()
