"""What PostgreSQL's part in a cutover and in a rollback have in common."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    carry,
    extension_rows,
    follow,
    forecast,
    freeze,
    large_objects,
    nearing,
    pooling,
    unlogged,
    verify,
    views,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError, RefusedError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.object_digests import Difference, Mark
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.sessions import Sessions
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.leg import current

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg

if TYPE_CHECKING:
    import psycopg

MIB = 1024**2
SHOW_PAUSE = 1.0
EXPEL = 3.0  # seconds that ended sessions may take to go
# Steps while users work, any of which may take its time; in a freeze nothing is told.
SLOW = {
    "check": "looks at both sides",
    "refresh": "refreshes materialised views",
    "objects": "copies large objects",
    "arm": "makes the slot of the way back",
    "collect": "reads what changed since the comparison",
    "advance": "passes over what was applied meanwhile",
    "near": "waits until everything is on the other side",
}
# First step of a method; each may have a thread of its own.
BEGINNINGS = ("check", "pause", "drain", "drain_again", "release", "reopen")


class Moving:
    """Writers go from one side to the other, which has followed it."""

    name = "postgresql"

    def __init__(self, context: Context, note: Callable[[str], None] = lambda step: None) -> None:
        self.context, self.note = context, note
        self.sessions = Sessions(context)
        self.pooler = pooling.make(context)
        self.notices: list[str] = []
        self.tell: Callable[[str], None] = lambda words: None  # how far it is, while users work
        self.seconds: dict[str, float] = {}
        self._era, self._begun = 0, threading.local()
        self._gate = threading.Lock()
        self.asked = False  # whether it could go, before other stores took their time
        self.ready: views.Ready | None = None  # None: nothing was made ready
        self.views = 0.0  # seconds of those that have to be refreshed in the freeze
        self.objects = 0  # bytes of large objects, unlogged tables and those of extensions
        self.mark: Mark | None = None  # since when they may have changed
        self.unequal: tuple[Difference, ...] = ()  # large objects that the freeze did not get over
        self.foreseen = verify.Foreseen()
        self.behind = 0.0  # seconds that the follower needs for what was written last
        self._last: tuple[str, float] | None = None

    def at(self, step: str) -> None:
        """Written down before the step is done: a later run must know how far this one may have come."""
        now = time.monotonic()
        if self._last:
            self.seconds[self._last[0]] = round(now - self._last[1], 3)
        self._last = (step, now)
        if step in BEGINNINGS:
            self._begun.era = self._era
        if self.cancelled:
            raise MigrationError("this run was called off")
        if step:
            self.note(step)
        if step in SLOW:
            self.tell(SLOW[step])

    @property
    def doing(self) -> str:
        """The step that was begun last."""
        return self._last[0] if self._last else ""

    @property
    def cancelled(self) -> bool:
        """Was this thread given up, and others have gone on in its place?"""
        return bool(getattr(self._begun, "era", self._era) != self._era)

    def cancel(self) -> None:
        """Somebody waits in vain: whatever hangs now must not go on when it comes back."""
        self._era += 1
        self.sessions.forget()

    def pool(self, act: Callable[[], None]) -> None:
        """Ask the pooler for something, one after the other: what was given up must not have the last word."""
        if not self._gate.acquire(timeout=EXPEL):
            raise MigrationError("the pooler has not answered an earlier request yet")
        try:
            if self.cancelled:
                raise MigrationError("this run was called off")
            act()
        finally:
            self._gate.release()

    def let_in(self, session: psycopg.Connection[Any], end: Endpoint) -> None:
        """Writers go on at this side."""
        freeze.open_again(session, self.context.journal.still_ours)
        self.at("resume")
        self.pool(lambda: self.pooler.point(end))
        self.pool(self.pooler.resume)
        if freeze.closed(session):
            raise MigrationError(f"{end.side} {end.label} was closed again by an attempt that was given up")

    def may_close(self, session: psycopg.Connection[Any]) -> None:
        """A run that was called off, or overtaken by another runner, must not shut anybody out when it wakes up."""
        if self.cancelled:
            raise MigrationError("this run was called off")
        self.context.journal.still_ours(session)

    def close(self) -> None:
        self.sessions.close()

    def shut_out(self) -> list[str]:
        """Logins that the freeze must not touch."""
        ends = self.context.ends
        ours = {
            "publisher": ends.publisher.username,
            "returner": ends.returner.username,
            "source": ends.source.username,
            "target": ends.target.username,
        }
        return [
            f"application_roles names {login}, the login of the move itself ({end}). Mend: a login of its own for the move"
            for end, login in ours.items()
            if login in self.context.settings.application_roles
        ]

    def carry_over(self, old: psycopg.Connection[Any], new: psycopg.Connection[Any]) -> None:
        """What replication leaves behind."""
        self.at("carry")
        carry.sequences(old, new, self.context.settings.sequence_margin)
        full = self.context.settings.verify == "full"
        self.unequal = large_objects.carry(old, new, None if full else self.mark).unequal
        unlogged.carry(old, new)
        extension_rows.carry(old, new, self.context.settings.left_extension_tables)
        views.carry(old, new, self.ready)

    def refresh_views(self) -> None:
        """While users still work: the freeze has to refresh what the old side refreshes from now on only."""
        self.at("refresh")
        self.ready = views.ready(*self.pair, self._caught_up, lambda words: self.tell(f"{SLOW['refresh']}, {words}"))
        self.notices += self.ready.notices()

    def _caught_up(self) -> bool:
        """Wait until the other side has what a view of this side may show now; False where that takes too long."""
        old, new = self.pair
        lsn = follow.frozen_lsn(old)
        try:
            follow.drained(old, new, current(self.context).slot, lsn, time.monotonic() + nearing.PATIENCE, self.alive)
        except follow.LateError:
            return False
        extension_rows.carry(old, new, self.context.settings.left_extension_tables)
        return True

    def copy_objects(self, old: psycopg.Connection[Any], new: psycopg.Connection[Any]) -> None:
        """Large objects, while users still work: the freeze has to look for what changed since only."""
        self.at("objects")
        journal = self.context.journal
        since = large_objects.known(journal.entries.get(large_objects.ENTRY), current(self.context).direction)
        # What the freeze copies is later than the mark in the journal, and would look like somebody else's doing.
        journal.save(**{large_objects.ENTRY: None})
        copied, told = 0, time.monotonic()

        def passed(size: int) -> None:
            nonlocal copied, told
            copied += size
            if time.monotonic() - told > SHOW_PAUSE:
                told = time.monotonic()
                self.tell(f"{SLOW['objects']}, {copied / MIB:.0f} MiB so far")

        self.mark = large_objects.carry(old, new, since, passed).mark

    def compare(self, old: psycopg.Connection[Any], new: psycopg.Connection[Any]) -> list[str]:
        self.at("verify")
        full = self.context.settings.verify == "full"
        found = verify.full(self.context) if full else verify.frozen(self.context)
        self.at("")
        found += large_objects.words(self.unequal, current(self.context).subscriber.side)
        left = self.context.settings.left_extension_tables
        return [*found, *carry.behind(old, new), *extension_rows.differences(old, new, left)]

    def check(self) -> None:
        """What forbids it, said before other stores take their time; `prepare` looks once more."""
        try:
            self.look()
            self.asked = True
        finally:
            self.sessions.close()  # nobody knows whether they would outlive that
        found, settings = verify.comparison(self.context, collect=False), self.context.settings
        problems = list(found.faults)
        if found.why:  # else it depends on what `near` still has to read
            problems += forecast.too_long(found, forecast.seconds(found, 0.0, 0), settings)
        self._refuse_freeze(problems)

    def look(self) -> None:
        """Raise where this store cannot go."""
        raise NotImplementedError

    def catch_up(self) -> None:
        """The bulk of a lag is waited for while users work."""
        publisher, leg = self.pair[0], current(self.context)
        deadline = time.monotonic() + self.context.settings.follow_timeout
        while True:
            row = publisher.execute(
                "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint"
                " FROM pg_catalog.pg_replication_slots WHERE slot_name = %s",
                (leg.slot,),
            ).fetchone()
            if row and row[0] <= self.context.settings.max_lag:
                return
            self.alive()
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"the {leg.subscriber.side} is still {row[0] if row else 'far'} bytes behind the {leg.publisher.side}."
                    " Mend: the same verb again; it goes on meanwhile"
                )
            time.sleep(follow.BEAT)

    def near(self) -> None:
        """Read and apply what users wrote until now, so that the freeze need not; and see what is left for it."""
        self.at("collect")
        self.foreseen = verify.comparison(self.context, collect=True)
        self.keep_up()
        self.at("near")
        self._look_at_views()
        budget, cost = self.context.settings.freeze_budget, self.cost
        self.behind = nearing.behind(*self.pair, current(self.context).slot, budget, self.alive)
        problems = [
            *self.foreseen.faults,
            *forecast.too_long(self.foreseen, cost, self.context.settings),
            *forecast.too_far(self.behind, cost, self.context.settings),
        ]
        self._refuse_freeze(problems)
        self.at("")

    @staticmethod
    def _refuse_freeze(problems: list[str]) -> None:
        if problems:
            raise RefusedError("nothing can be frozen, users are not touched", problems)

    def keep_up(self) -> None:
        """The same for a slot that sleeps."""

    def _look_at_views(self) -> None:
        if self.ready is not None:
            self.views = self.ready.expected(views.read(self.pair[0]))

    def predict(self) -> float:
        """Seconds of the freeze, by what `near` saw last."""
        self.notices += self.foreseen.notices()
        return round(self.cost, 2)

    @property
    def cost(self) -> float:
        """Seconds of the freeze."""
        return self.behind + forecast.seconds(self.foreseen, self.views, self.objects)

    @property
    def pair(self) -> tuple[psycopg.Connection[Any], psycopg.Connection[Any]]:
        """Who is followed, and who follows."""
        raise NotImplementedError

    def alive(self) -> None:
        """Raise where the follower was stopped, and will not come nearer by waiting."""
        raise NotImplementedError

    def drain(self) -> None:
        """Wait until everything that was written before the freeze is on the other side."""
        publisher, subscriber = self.pair
        lsn = follow.frozen_lsn(publisher)
        deadline = time.monotonic() + self.context.settings.freeze_budget
        follow.drained(publisher, subscriber, current(self.context).slot, lsn, deadline, self.alive)
