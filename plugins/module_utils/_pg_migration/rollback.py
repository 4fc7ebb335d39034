"""Users go back to the source, and everything that they wrote on the target goes with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._cutover.participant import Participant
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, forecast, undo
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import OrderError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import (
    CUTTING,
    FINISHED,
    FOLLOWING,
    RETURNED,
    RETURNING,
    SEEDED,
    SEEDING,
    SWITCHED,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.status import WORDS


def run(context: Context, check: bool, others: Sequence[Participant] = ()) -> dict[str, Any]:
    journal, ledger = context.journal, undo.Ledger(context, undo.ROLLBACK)
    said: list[str] = []
    if journal.phase == RETURNING:
        if check:
            return _answer(context, f"would lead the rollback that stopped at {ledger.under_way} to its end first")
        step = ledger.under_way
        outcome = undo.settle(context, ledger, [undo.make(context, ledger), *others])
        where = "completed" if outcome.where == "new" else "called off, the target was opened"
        said = [f"an earlier run that stopped at {step} was {where}"]
    if journal.phase == RETURNED:
        return {**_answer(context, "; ".join(said) or WORDS[RETURNED]), "changed": bool(said)}
    if journal.phase != SWITCHED:
        raise _nothing(journal.phase)
    if check:
        return _foreseen(context, others)
    return cutover.go(context, ledger, [undo.make(context, ledger), *others], RETURNING, said)


def _nothing(phase: str) -> OrderError:
    if phase == CUTTING:
        mend = "cutover again first: it goes on, or calls itself off"
    elif phase in (SEEDING, SEEDED, FOLLOWING):
        mend = "finish: applications never left the source, and it drops everything that the move made"
    elif phase == FINISHED:
        mend = "another move, from that server to the old one: finish has taken the way back away"
    else:
        mend = "nothing: applications are at the source"
    return OrderError(f"there is nothing to roll back, the move is {phase}: {WORDS[phase]}. Mend: {mend}")


def _foreseen(context: Context, others: Sequence[Participant]) -> dict[str, Any]:
    with context.target() as target:
        seconds, parts, problems = forecast.look(context, target)
    more, along, told = forecast.others(others)
    seconds, parts, problems = seconds + more, {**parts, **along}, [*problems, *told]
    words = f"would move the writers back to {context.ends.source.label}, in a freeze of about {seconds:.1f} s"
    budget = f" ({context.settings.freeze_budget:.1f} s are allowed)"
    estimate = {"freeze_seconds": round(seconds, 2), **parts}
    return {**_answer(context, words + budget), "changed": True, "estimate": estimate, "notices": problems}


def _answer(context: Context, message: str) -> dict[str, Any]:
    return {"changed": False, "phase": context.journal.phase, "message": message, "notices": []}
