"""Users go from the source to the target, in one short freeze; or, when anything is wrong, they stay where they are."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._cutover import run as cutovers
from ansible_collections.tiketi.platform.plugins.module_utils._cutover.participant import Participant
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import forecast, undo, watchdog
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import health as looks
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import (
    CUTTING,
    FOLLOWING,
    SWITCHED,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.status import WORDS, out_of_order


def run(context: Context, check: bool, others: Sequence[Participant] = ()) -> dict[str, Any]:
    """`others`: stores that are moved in the same freeze, after PostgreSQL and with the same verdict."""
    journal, ledger = context.journal, undo.Ledger(context, undo.CUTOVER)
    said: list[str] = []
    if journal.phase == CUTTING:
        if check:
            return _answer(
                context, False, f"would lead the cutover that stopped at {ledger.under_way} to its end first"
            )
        said = _recovered(context, ledger, others)
    if journal.phase == SWITCHED:
        return _answer(context, bool(said), "; ".join(said) or WORDS[SWITCHED], journal.entries.get("measured"))
    if journal.phase != FOLLOWING:
        raise out_of_order("cutover", journal.phase)
    if check:
        return _foreseen(context, others)
    return go(context, ledger, [undo.make(context, ledger), *others], CUTTING, said)


def _recovered(context: Context, ledger: undo.Ledger, others: Sequence[Participant]) -> list[str]:
    step, sub = ledger.under_way, ledger.entry.get("sub", "")
    outcome = undo.settle(context, ledger, [undo.make(context, ledger), *others])
    where = "completed" if outcome.where == "new" else "called off, the source was opened"
    return [f"an earlier run that stopped at {step}{'/' + sub if sub else ''} was {where}"]


def go(
    context: Context, ledger: undo.Ledger, participants: Sequence[Participant], phase: str, said: Sequence[str]
) -> dict[str, Any]:
    """One attempt, forward or back; the phase follows what came of it."""
    journal, settings = context.journal, context.settings
    off, done = undo.PHASES[ledger.verb]
    rehearse = settings.rehearse and ledger.verb == undo.CUTOVER
    ledger.step(cutovers.BEGUN)
    journal.phase_is(phase)
    attempt = cutovers.Run(
        participants,
        settings.freeze_budget,
        ledger,
        rehearse,
        before_freeze=lambda: watchdog.start(context, ledger.verb, participants),
    )
    try:
        outcome = attempt.go()
    except BaseException:
        if not ledger.under_way:  # the old side is open; else the watchdog and the next run see to it
            _end(context, participants, off)
        raise
    measured = _measured(outcome)
    journal.record({"step": "rehearsal" if rehearse else ledger.verb, **measured})
    if rehearse:
        journal.save(rehearsed=outcome.gap)
    else:
        journal.save(measured=measured)
    _end(context, participants, off if rehearse else done)
    return _answer(context, True, "; ".join([*said, _words(context, outcome, rehearse)]), measured, outcome.notices)


def _end(context: Context, participants: Sequence[Participant], phase: str) -> None:
    context.journal.phase_is(phase)
    watchdog.stop(context)
    for one in participants:
        with contextlib.suppress(Exception):
            getattr(one, "close", lambda: None)()


def _measured(outcome: cutovers.Outcome) -> dict[str, Any]:
    return {
        "gap": outcome.gap,
        "predicted": outcome.predicted,
        "seconds": outcome.seconds,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _words(context: Context, outcome: cutovers.Outcome, rehearse: bool) -> str:
    source, target = context.ends.source.label, context.ends.target.label
    if rehearse:
        return (
            f"rehearsed: everything is the same on both sides, writers waited {outcome.gap:.2f} s and go on at {source}"
        )
    if context.journal.phase == SWITCHED:
        return f"applications write to {target} after a gap of {outcome.gap:.2f} s; {source} follows it and is closed to them"
    return f"applications write to {source} again after a gap of {outcome.gap:.2f} s, with what they wrote to {target}"


def _answer(
    context: Context, changed: bool, message: str, measured: Any = None, notices: Sequence[str] = ()
) -> dict[str, Any]:
    return {
        "changed": changed,
        "phase": context.journal.phase,
        "message": message,
        "notices": list(notices),
        "measured": measured or {},
    }


def _foreseen(context: Context, others: Sequence[Participant]) -> dict[str, Any]:
    """For check mode: read only, so that the time of the views is that of the last rehearsal, or a guess."""
    with context.source() as source, context.target() as target:
        found = looks.read(context, source, target)
        cost, parts, known = forecast.look(context, source)
    problems = [*found.notices, *(one for one in known if one not in found.notices)]
    if not found.follows:
        problems.append("the target does not follow. Mend: follow first")
    more, along, told = forecast.others(others)
    cost, parts, problems = cost + more, {**parts, **along}, [*problems, *told]
    seconds = max(cost, float(context.journal.entries.get("rehearsed", 0.0)))
    words = f"would move the writers to {context.ends.target.label}, in a freeze of about {seconds:.1f} s"
    result = _answer(context, True, words + f" ({context.settings.freeze_budget:.1f} s are allowed)", None, problems)
    result["estimate"] = {"freeze_seconds": round(seconds, 2), "lag_bytes": found.lag_bytes, **parts}
    return result
