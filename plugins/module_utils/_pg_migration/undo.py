"""How far a cutover or a rollback is, in the journal; and what is done about one whose process died."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._cutover import run as cutovers
from ansible_collections.tiketi.platform.plugins.module_utils._cutover.participant import Participant
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import reboot, subscription
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import (
    FOLLOWING,
    RETURNED,
    SWITCHED,
    Progress,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.participant import (
    PostgresParticipant,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.way_back import PostgresReturn

CUTOVER, ROLLBACK = "cutover", "rollback"
PHASES = {CUTOVER: (FOLLOWING, SWITCHED), ROLLBACK: (SWITCHED, RETURNED)}  # when called off, when done


class Ledger:
    """Keeps the step under `cutover` or `rollback`, on disk before the step is done."""

    def __init__(self, context: Context, verb: str) -> None:
        self.context, self.verb = context, verb

    @property
    def entry(self) -> dict[str, Any]:
        return dict(self.context.journal.entries.get(self.verb) or {})

    @property
    def under_way(self) -> str:
        """Empty: nothing is, or the last one was called off."""
        return str(self.entry.get("step", ""))

    def step(self, name: str) -> None:
        self._save(step=name, sub="", since=time.time())

    def note(self, sub: str) -> None:
        self._save(sub=sub)

    def tell(self, words: str) -> None:
        """For whoever looks on; no later run goes by it."""
        now = Progress(self.verb, float(self.entry.get("since") or time.time()), note=words)
        self.context.journal.progress(now)

    def beat(self) -> None:
        """Another attempt begins: this run is not what stands still."""
        self._save(beat=time.time())

    def _save(self, **changes: Any) -> None:
        self.context.journal.save(**{self.verb: {**self.entry, **changes}})


def make(context: Context, ledger: Ledger) -> Participant:
    if ledger.verb == CUTOVER:
        return PostgresParticipant(context, ledger.note)
    return PostgresReturn(context, ledger.note)


def decided(context: Context, ledger: Ledger) -> bool:
    """Had every store switched? Then writers may be at the new side already."""
    if ledger.under_way != cutovers.BEGUN:
        return ledger.under_way in cutovers.DECIDED
    # Taken over from a runner that was lost: the servers have only what it said at the beginning. The leg that writers leave behind is
    # dropped before the new side is opened.
    end = context.ends.target if ledger.verb == CUTOVER else context.ends.source
    name = context.names.subscription if ledger.verb == CUTOVER else context.names.return_subscription
    try:
        with context.target() if ledger.verb == CUTOVER else context.source() as session:
            return subscription.state(session, name) is None
    except PgConnectError as error:
        raise MigrationError(
            f"a {ledger.verb} was begun by a runner that is lost, and {end.label} cannot be asked how far it came: {error}"
        ) from None


def settle(
    context: Context, ledger: Ledger, participants: Sequence[Participant], complete: bool = True, patience: float = 60.0
) -> cutovers.Outcome:
    """Lead a run that died to an end: forward when everything had switched, else back. With `complete` the journal is closed too."""
    onward = decided(context, ledger)
    before = ledger.under_way
    run = cutovers.Run(participants, context.settings.freeze_budget, ledger, reopen_patience=patience)
    outcome = run.forward() if onward else run.back()
    reboot.disarm(context)
    if complete:
        context.journal.phase_is(PHASES[ledger.verb][1 if onward else 0])
    else:
        ledger.step(cutovers.SWITCHED if onward else (before or cutovers.REOPENING))
    for one in participants:
        getattr(one, "close", lambda: None)()
    return outcome
