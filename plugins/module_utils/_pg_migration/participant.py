"""PostgreSQL's part in a cutover: its writers go from the source to the target."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    extension_rows,
    follow,
    freeze,
    large_objects,
    memberships,
    returning,
    rights,
    role_settings,
    subscription,
    unlogged,
    verify,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import health as looks
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import RefusedError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.moving import EXPEL, Moving

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg

if TYPE_CHECKING:
    import psycopg

__all__ = ["Moving", "PostgresParticipant"]


class PostgresParticipant(Moving):
    """Forward: source to target."""

    @property
    def pair(self) -> tuple[psycopg.Connection[Any], psycopg.Connection[Any]]:
        return self.sessions.source, self.sessions.target

    def alive(self) -> None:
        source, target = self.pair
        state = subscription.state(target, self.context.names.subscription)
        if self.cancelled or state is None or not state[0]:
            raise follow.stopped(self.context, source, target)

    def look(self) -> None:
        context = self.context
        source, target = self.sessions.source, self.sessions.target
        self.at("check")
        self.notices = []
        roles = context.settings.application_roles
        shut = rights.lacking(source, target, roles)
        lacks = memberships.lacking(source, target, roles)
        shut += [str(one) for one in lacks if one.fatal]
        self.notices += [str(one) for one in lacks if not one.fatal]
        known = role_settings.read(source, roles), role_settings.read(target, roles)
        unset = role_settings.lacking(*known, context.ends.target.dbname)
        shut += role_settings.words([one for one in unset if one[0]])
        self.notices += role_settings.words([one for one in unset if not one[0]])
        self._refuse(looks.read(context, source, target), shut)
        self.pooler.check(context.ends.source, context.ends.target)
        freeze.refuse_other_writers(source)

    def prepare(self) -> None:
        context = self.context
        if self.asked:  # else a lag is a reason to refuse
            self.catch_up()
        self.look()
        source, target = self.sessions.source, self.sessions.target
        self.refresh_views()
        left = context.settings.left_extension_tables
        # Once before anybody waits: what forbids it is said here.
        extension_rows.carry(source, target, left)
        self.copy_objects(source, target)
        self.objects = large_objects.frozen_size(source) + unlogged.size(source) + extension_rows.size(source, left)
        self.at("arm")  # after the views: what they write would be read by this slot once more, in the freeze
        self.notices += returning.prepare(context, source, target)
        self.at("")

    def keep_up(self) -> None:
        self.at("advance")
        returning.keep_up(self.context, self.sessions.target)

    def _refuse(self, found: looks.Health, shut: list[str]) -> None:
        settings = self.context.settings
        problems = [*found.shapes, *shut]
        if not found.enabled:
            problems.append("the subscription is disabled. Mend: follow again, it says why")
        elif not found.connected:
            problems.append("the target is not connected to the source. Mend: follow again")
        if found.lag_bytes > settings.max_lag:
            problems.append(
                f"the target is {found.lag_bytes} bytes behind, {settings.max_lag} are allowed. Mend: follow again"
            )
        problems += self.shut_out()
        if problems:
            raise RefusedError("the cutover cannot begin, users are not touched", problems)
        if not settings.application_roles:
            self.notices.append(
                "application_roles is empty: writers are shut out by the database's read-only default only, which a session may override"
            )

    def predict(self) -> float:
        """Seconds of the freeze, from what was measured."""
        rehearsed = float(self.context.journal.entries.get("rehearsed", 0.0))
        return max(super().predict(), round(rehearsed, 2))

    def freeze(self) -> None:
        self.at("pause")
        self.pool(self.pooler.pause)
        self.at("close")
        freeze.close(self.sessions.source, self.context.settings.application_roles, self.may_close)
        self.at("expel")
        freeze.expel(self.sessions.source, self.context.application, EXPEL)
        freeze.refuse_other_writers(self.sessions.source)
        self.at("")

    def settle(self) -> list[str]:
        self.at("drain")
        self.drain()
        self.carry_over(self.sessions.source, self.sessions.target)
        return self.compare(self.sessions.source, self.sessions.target)

    def switch(self) -> None:
        context, names = self.context, self.context.names
        source, target = self.sessions.source, self.sessions.target
        # A session that was just being opened when the lock came may have shown itself only now.
        self.at("drain_again")
        freeze.expel(source, context.application, EXPEL)
        self.drain()
        self.at("disable")
        nudge = lambda: source.execute("SELECT pg_logical_emit_message(true, 'platform_migration', 'stop')")  # noqa: E731
        subscription.stop(target, names.subscription, nudge, EXPEL)
        self.at("wake")
        returning.arm(context, source, target)
        self.at("point")
        self.pool(lambda: self.pooler.point(context.ends.target))
        self.at("")

    def open(self) -> None:
        names = self.context.names
        self.at("release")
        freeze.end_own(self.sessions.target, self.context.application, EXPEL)
        subscription.drop(self.sessions.target, names.subscription)
        self.at("open")
        self.let_in(self.sessions.target, self.context.ends.target)
        self.at("")

    def after(self) -> None:
        """What need not be done while writers wait; `finish` does it when the source is not there now."""
        with contextlib.suppress(psycopg.Error, PgError):
            subscription.drop_slot(self.sessions.source, self.context.names.slot)
            verify.abandon(self.context)

    def reopen(self) -> None:
        """The source first, and without the target: that may be the one that is gone."""
        self.at("reopen")
        source = self.sessions.source
        freeze.end_own(source, self.context.application, EXPEL)
        returning.drop_on_source(self.context, source)
        self.let_in(source, self.context.ends.source)
        self.at("mend")
        self._mend()
        self.at("")

    def abandon(self) -> None:
        """Nothing was frozen: only what was made ready goes, and the pooler is left alone (it may be what is wrong)."""
        with contextlib.suppress(psycopg.Error, PgError):
            returning.drop_on_source(self.context, self.sessions.source)
        self._mend()

    def _mend(self) -> None:
        names = self.context.names
        try:
            target = self.sessions.target
            state = subscription.state(target, names.subscription)
            if state and not state[0]:
                subscription.switch(target, names.subscription, enabled=True)
            returning.drop_on_target(self.context, target)
        except (psycopg.Error, PgError) as error:
            self.notices.append(
                f"{self.context.ends.target.label} was not reached to take the way back away: {' '.join(str(error).split())}."
                " Mend: follow again when it is there"
            )
