"""The return leg: what users write on the target after the cutover flows back to the source.

Made before the freeze, asleep; woken in the freeze at the place in the target's WAL where the forward leg ended.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import subscription
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import read_tables

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

AT_REST = 0.3  # a passing over that took less has caught up
PASSES = 5
PATIENCE = "30s"  # a new slot waits for every transaction that runs on the target


def prepare(context: Context, source: psycopg.Connection[Any], target: psycopg.Connection[Any]) -> list[str]:
    """Publication and slot on the target, the subscription on the source, not enabled. Always made anew."""
    names, ends = context.names, context.ends
    drop(context, source, target)
    _identities(source, target)
    tables = [(table.schema, table.name) for table in read_tables(source)]
    subscription.publish(target, names.return_publication, tables)
    try:
        with _patience(target):
            subscription.make_slot(target, names.return_subscription)
    except psycopg.errors.ObjectNotInPrerequisiteState as error:
        raise MigrationError(
            f"the way back cannot be armed on {ends.target.label}: {error.diag.message_primary}."
            " Mend: wal_level=logical there (rds.logical_replication=1 and a reboot)"
        ) from None
    except psycopg.errors.QueryCanceled:
        raise MigrationError(
            f"the way back cannot be armed: a transaction on {ends.target.label} has run for longer than {PATIENCE}."
            " Mend: end it (pg_stat_activity.xact_start tells its age, pg_prepared_xacts those that are prepared)"
        ) from None
    return subscription.create(
        source, names.return_subscription, names.return_publication, ends.returner, ends.target.dbname, enabled=False
    )


@contextlib.contextmanager
def _patience(session: psycopg.Connection[Any]) -> Any:
    session.execute(f"SET statement_timeout TO '{PATIENCE}'")
    try:
        yield
    finally:
        session.execute("SET statement_timeout TO 0")


def _identities(source: psycopg.Connection[Any], target: psycopg.Connection[Any]) -> None:
    """A table without identity would refuse every UPDATE on the target as soon as it is published there."""
    there = {table.label: table for table in read_tables(target)}
    for table in read_tables(source):
        found = there.get(table.label)
        if found and found.identity != table.identity and table.identity == "f":
            target.execute(
                sql.SQL("ALTER TABLE {} REPLICA IDENTITY FULL").format(sql.Identifier(table.schema, table.name))
            )


def arm(context: Context, source: psycopg.Connection[Any], target: psycopg.Connection[Any]) -> None:
    """From here on every change of the target is kept for the source. What the forward leg brought is left out."""
    target.execute("SET synchronous_commit TO on")
    target.execute(
        "SELECT pg_logical_emit_message(true, 'platform_migration', 'arm')"
    )  # what was applied is on disk now
    advance(context, target)
    subscription.switch(source, context.names.return_subscription, enabled=True)


def advance(context: Context, target: psycopg.Connection[Any]) -> None:
    """Pass over what was applied until now, which takes as long as there is WAL."""
    target.execute("SELECT pg_replication_slot_advance(%s, pg_current_wal_lsn())", (context.names.return_subscription,))


def keep_up(context: Context, target: psycopg.Connection[Any]) -> None:
    """While nobody waits yet. More than once: where the slot begins to read follows behind where it has come to."""
    for _ in range(PASSES):
        began = time.monotonic()
        advance(context, target)
        if time.monotonic() - began < AT_REST:
            return


def drop_on_source(context: Context, source: psycopg.Connection[Any]) -> bool:
    return subscription.drop(source, context.names.return_subscription)


def drop_on_target(context: Context, target: psycopg.Connection[Any]) -> bool:
    slot = subscription.drop_slot(target, context.names.return_subscription)
    return subscription.drop_publication(target, context.names.return_publication) or slot


def drop(context: Context, source: psycopg.Connection[Any], target: psycopg.Connection[Any]) -> None:
    drop_on_source(context, source)
    drop_on_target(context, target)
