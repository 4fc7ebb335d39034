"""The end of a move, or giving it up: everything that it made is dropped, on whichever server it is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError, PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    freeze,
    guard,
    identity,
    launch,
    reboot,
    returning,
    subscription,
    verify,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError, OrderError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import (
    ABANDONED,
    CLEAN,
    CUTTING,
    FINISHED,
    MARKER_SCHEMA,
    NEW,
    RETURNED,
    RETURNING,
    SWITCHED,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import clear, ledger
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.status import WORDS

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

Step = Callable[["psycopg.Connection[Any]"], object]


def run(context: Context, check: bool) -> dict[str, Any]:
    journal = context.journal
    phase = journal.phase
    if phase in (CUTTING, RETURNING):
        verb = "cutover" if phase == CUTTING else "rollback"
        raise OrderError(
            f"the move cannot be finished in the middle of a {verb}. Mend: {verb} again, it goes on or calls itself off; then finish"
        )
    left = journal.entries.get("left") or []
    if phase in (NEW, FINISHED, ABANDONED) and not left:
        return _answer(context, False, f"nothing to finish: {WORDS[phase]}")
    end = str(journal.entries.get("ending") or (FINISHED if phase == SWITCHED else ABANDONED))
    clean = context.settings.clean_target and end == ABANDONED
    if check:
        words = f"would drop what the move made on both servers ({end})"
        if end == ABANDONED:
            words += ", and what was copied" if clean else f"; what was copied would stay, {CLEAN} drops it, too"
        return _answer(context, True, words)
    journal.save(ending=end, stays=journal.entries.get("stays") or phase)
    launch.stop_all(context)
    reboot.disarm(context)
    work = Work(context, str(journal.entries["stays"]))
    work.source()
    work.target(clean)
    work.slots_of_verify()
    journal.save(phase=end, left=work.left, cutover=None, rollback=None)
    message = (
        "nothing of the move is left on either server"
        if not work.left
        else "the move is over, but a server was not reached; finish again when it is there, or drop by hand: "
        + "; ".join(work.left)
    )
    return _answer(context, True, message, work.notices, work.left)


def _answer(
    context: Context, changed: bool, message: str, notices: Sequence[str] = (), left: Sequence[str] = ()
) -> dict[str, Any]:
    phase = context.journal.phase
    return {"changed": changed, "phase": phase, "message": message, "notices": list(notices), "left": list(left)}


@dataclass
class Work:
    """One pass over both servers. A server that is not there does not keep the other one from being cleaned."""

    context: Context
    phase: str  # where the move stood when it was ended
    left: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def source(self) -> None:
        context, names = self.context, self.context.names
        try:
            with context.source() as session:
                returning.drop_on_source(context, session)
                subscription.drop_slot(session, names.slot)
                subscription.drop_slot(session, names.verify_slot)
                guard.remove(context)
                self.notices += identity.restore(context)
                self._close_or_open(session, closed=self.phase == SWITCHED, end="source")
                _drop_schema(session)
        except PgConnectError as error:
            self._not_reached(error, _by_hand(context, "source"))
            self._identities_of_target()

    def _identities_of_target(self) -> None:
        with contextlib.suppress(PgError, psycopg.Error), self.context.target() as session:
            self.notices += identity.put_back(session, self.context)

    def target(self, clean: bool) -> None:
        context = self.context
        try:
            with context.target() as session:
                subscription.drop(session, context.names.subscription)
                returning.drop_on_target(context, session)
                subscription.drop_slot(session, context.names.verify_slot)
                move = str(context.journal.entries["id"])
                if clean and not ledger.marked(session, move):
                    clean = False
                    self.notices.append(
                        f"nothing on {context.ends.target.label} says that this move filled it: what is there was left alone"
                    )
                if clean:
                    dropped = clear.content(session, move)
                    self.notices += clear.rows(session, move, context.settings.left_extension_tables)
                    self.notices.append(
                        f"{dropped} objects that were copied to {context.ends.target.label} were dropped"
                    )
                elif self.phase != SWITCHED and ledger.marked(session, move):
                    self.notices.append(
                        f"what was copied stays on {context.ends.target.label}, and {CLEAN} was not asked for: drop it by hand before another move"
                    )
                self._close_or_open(session, closed=self.phase == RETURNED and not clean, end="target")
                _drop_schema(session)
        except PgConnectError as error:
            self._not_reached(error, _by_hand(context, "target"))

    def slots_of_verify(self) -> None:
        """The keys on this runner go with them."""
        with contextlib.suppress(PgConnectError):
            verify.abandon(self.context)

    def _close_or_open(self, session: psycopg.Connection[Any], closed: bool, end: str) -> None:
        """The side that users have left stays closed to them: its content is old, and grows older."""
        if not closed:
            freeze.open_again(session, self.context.journal.still_ours)
        elif statements := freeze.by_hand(session):
            self.notices.append(f"the {end} stays closed to the applications; to open it: {'; '.join(statements)}")

    def _not_reached(self, error: PgConnectError, statements: Sequence[str]) -> None:
        self.notices.append(str(error))
        self.left += statements


def _drop_schema(session: psycopg.Connection[Any]) -> None:
    session.execute("SET client_min_messages TO warning")
    try:
        session.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(MARKER_SCHEMA)))
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationError(
            f"schema {MARKER_SCHEMA} cannot be dropped ({error.diag.message_primary}). Mend: drop it as its owner"
        ) from None


def _by_hand(context: Context, end: str) -> list[str]:
    """For a person with psql on that server, in this order."""
    names = context.names
    subscribed = names.return_subscription if end == "source" else names.subscription
    lines = [
        f"ALTER SUBSCRIPTION {subscribed} DISABLE",
        f"ALTER SUBSCRIPTION {subscribed} SET (slot_name = NONE)",
        f"DROP SUBSCRIPTION {subscribed}",
    ]
    slots = (names.slot, names.verify_slot) if end == "source" else (names.return_subscription, names.verify_slot)
    lines += [f"SELECT pg_drop_replication_slot('{slot}')" for slot in slots]
    if end == "source":
        lines += [f"DROP EVENT TRIGGER {names.guard}", f"DROP EVENT TRIGGER {names.guard}_drop"]
        lines += [f"DROP PUBLICATION {names.publication}"]
        words = identity.WORDS
        lines += [
            f"ALTER TABLE {entry['label']} REPLICA IDENTITY {words.get(entry['was'], 'DEFAULT')}"
            for entry in context.journal.entries.get("identities", [])
        ]
    else:
        lines += [f"DROP PUBLICATION {names.return_publication}"]
    lines += [f"DROP SCHEMA {MARKER_SCHEMA} CASCADE"]
    label = (context.ends.source if end == "source" else context.ends.target).label
    return [f"on the {end} {label}: {line}" for line in lines]
