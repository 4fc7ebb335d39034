"""PostgreSQL's part in a rollback: its writers go back to the source, with what they wrote on the target."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    extension_rows,
    freeze,
    large_objects,
    return_health,
    returning,
    subscription,
    unlogged,
    verify,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError, RefusedError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.moving import EXPEL, Moving

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg

if TYPE_CHECKING:
    import psycopg


class PostgresReturn(Moving):
    """Backward: target to source, over the return leg."""

    @property
    def leg(self) -> str:
        return self.context.names.return_subscription

    @property
    def pair(self) -> tuple[psycopg.Connection[Any], psycopg.Connection[Any]]:
        return self.sessions.target, self.sessions.source

    def alive(self) -> None:
        state = subscription.state(self.sessions.source, self.leg)
        if self.cancelled or state is None or not state[0]:
            raise MigrationError(
                f"the subscription {self.leg} on the source was disabled. Mend: its reason is in the log of the source"
            )

    def look(self) -> None:
        source, target = self.sessions.source, self.sessions.target
        self.at("check")
        self.notices = []
        problems = self.shut_out()
        problems += return_health.read(self.context, source, target).problems
        if problems:
            raise RefusedError("the rollback cannot begin, users are not touched", problems)
        self.pooler.check(self.context.ends.target, self.context.ends.source)
        freeze.refuse_other_writers(target)

    def prepare(self) -> None:
        self.look()
        source, target = self.sessions.source, self.sessions.target
        self.catch_up()
        self.refresh_views()
        left = self.context.settings.left_extension_tables
        self.copy_objects(target, source)
        self.objects = large_objects.frozen_size(target) + unlogged.size(target) + extension_rows.size(target, left)
        self.at("")

    def freeze(self) -> None:
        self.at("pause")
        self.pool(self.pooler.pause)
        self.at("close")
        freeze.close(self.sessions.target, self.context.settings.application_roles, self.may_close)
        self.at("expel")
        freeze.expel(self.sessions.target, self.context.application, EXPEL)
        freeze.refuse_other_writers(self.sessions.target)
        self.at("")

    def settle(self) -> list[str]:
        self.at("drain")
        self.drain()
        self.carry_over(self.sessions.target, self.sessions.source)
        return self.compare(self.sessions.target, self.sessions.source)

    def switch(self) -> None:
        source, target = self.sessions.source, self.sessions.target
        self.at("drain_again")
        freeze.expel(target, self.context.application, EXPEL)
        self.drain()
        self.at("disable")
        nudge = lambda: target.execute("SELECT pg_logical_emit_message(true, 'platform_migration', 'stop')")  # noqa: E731
        subscription.stop(source, self.leg, nudge, EXPEL)
        self.at("point")
        self.pool(lambda: self.pooler.point(self.context.ends.source))
        self.at("")

    def open(self) -> None:
        source = self.sessions.source
        self.at("release")
        freeze.end_own(source, self.context.application, EXPEL)
        returning.drop_on_source(self.context, source)
        self.at("open")
        self.let_in(source, self.context.ends.source)
        self.at("")

    def after(self) -> None:
        with contextlib.suppress(psycopg.Error, PgError):
            returning.drop_on_target(self.context, self.sessions.target)
            verify.abandon(self.context)

    def abandon(self) -> None:
        """Nothing was frozen, and nothing made."""

    def reopen(self) -> None:
        """Writers stay on the target."""
        self.at("reopen")
        target = self.sessions.target
        freeze.end_own(target, self.context.application, EXPEL)
        self.let_in(target, self.context.ends.target)
        self.at("mend")
        try:
            source = self.sessions.source
            state = subscription.state(source, self.leg)
            if state and not state[0]:
                subscription.switch(source, self.leg, enabled=True)
        except (psycopg.Error, PgError) as error:
            self.notices.append(
                f"the return leg on {self.context.ends.source.label} was not enabled again: {' '.join(str(error).split())}."
                " Mend: run rollback again when it is there"
            )
        self.at("")
