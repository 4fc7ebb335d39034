"""Refusing DDL on the source while it is moved: replication carries rows, never a changed schema.

To be installed before the slot is made: the slot waits for every transaction that runs, so what slipped in before the guard is in the
snapshot, and nothing can slip in after it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import MARKER_SCHEMA

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

# The end of a command, since only there the objects are known: a temporary table is nobody's business, and what an extension's own
# script makes belongs to the extension. A subscription is no part of the schema. REFRESH changes no schema; views.py sees it.
FUNCTION = """
CREATE OR REPLACE FUNCTION {function}() RETURNS event_trigger LANGUAGE plpgsql SET search_path TO pg_catalog, pg_temp AS $guard$
DECLARE
  what text;
BEGIN
  IF current_setting('application_name') LIKE {ours} THEN
    RETURN;
  END IF;
  IF tg_event = 'sql_drop' THEN
    SELECT object_identity INTO what FROM pg_event_trigger_dropped_objects()
    WHERE original AND NOT is_temporary AND object_type <> 'subscription' AND coalesce(schema_name, '') !~ '^pg_(temp|toast)' LIMIT 1;
  ELSE
    SELECT object_identity INTO what FROM pg_event_trigger_ddl_commands()
    WHERE NOT in_extension AND object_type <> 'subscription' AND coalesce(schema_name, '') !~ '^pg_(temp|toast)'
      AND command_tag <> 'REFRESH MATERIALIZED VIEW' LIMIT 1;
  END IF;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('%s on %s is refused: this database is being moved to %s (move %s), and a changed schema does not follow',
                       tg_tag, what, {target}::text, {short}::text),
      HINT = 'Mend: change the schema after the move, or end the move first (migration_step=finish), change, and begin anew.';
  END IF;
END
$guard$
"""

EVENTS = (("", "ddl_command_end"), ("_drop", "sql_drop"))
ENABLED = "SELECT count(*) FROM pg_catalog.pg_event_trigger WHERE evtname = ANY (%s) AND evtenabled = 'A'"


def _triggers(context: Context) -> list[tuple[str, str]]:
    return [(context.names.guard + suffix, event) for suffix, event in EVENTS]


def present(session: psycopg.Connection[Any], context: Context) -> bool:
    names = [name for name, _ in _triggers(context)]
    row = session.execute(ENABLED, (names,)).fetchone()
    return row is not None and row[0] == len(names)


def install(context: Context) -> bool:
    """Refuse DDL from now on; says whether anything had to be done."""
    with context.source() as session:
        if present(session, context):
            return False
        function = sql.Identifier(MARKER_SCHEMA, context.names.guard)
        try:
            with session.transaction():
                session.execute("SET LOCAL client_min_messages TO warning")
                session.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(MARKER_SCHEMA)))
                session.execute(
                    sql.SQL(FUNCTION).format(
                        function=function,
                        ours=sql.Literal(context.application + "%"),
                        target=sql.Literal(context.ends.target.label),
                        short=sql.Literal(context.names.short),
                    )
                )
                for name, event in _triggers(context):
                    trigger = sql.Identifier(name)
                    session.execute(sql.SQL("DROP EVENT TRIGGER IF EXISTS {}").format(trigger))
                    session.execute(
                        sql.SQL("CREATE EVENT TRIGGER {} ON {} EXECUTE FUNCTION {}()").format(
                            trigger, sql.SQL(event), function
                        )
                    )
                    # Also where a session calls itself a replica, as restores and bulk loads do.
                    session.execute(sql.SQL("ALTER EVENT TRIGGER {} ENABLE ALWAYS").format(trigger))
        except psycopg.errors.InsufficientPrivilege as error:
            raise MigrationError(
                f"{context.ends.source.username} may not make an event trigger on {context.ends.source.label}"
                f" ({error.diag.message_primary}). Mend: move with a superuser of the source"
            ) from None
    return True


def remove(context: Context) -> bool:
    """Allow DDL again; says whether anything had to be done."""
    with context.source() as session:
        names = [name for name, _ in _triggers(context)]
        found = session.execute(
            "SELECT evtname FROM pg_catalog.pg_event_trigger WHERE evtname = ANY (%s)"
            " UNION ALL SELECT proname FROM pg_catalog.pg_proc WHERE pronamespace = to_regnamespace(%s) AND proname = %s",
            (names, MARKER_SCHEMA, context.names.guard),
        ).fetchall()
        with session.transaction():
            session.execute("SET LOCAL client_min_messages TO warning")
            for name in names:
                session.execute(sql.SQL("DROP EVENT TRIGGER IF EXISTS {}").format(sql.Identifier(name)))
            if session.execute("SELECT to_regnamespace(%s)", (MARKER_SCHEMA,)).fetchone() != (None,):
                session.execute(
                    sql.SQL("DROP FUNCTION IF EXISTS {}()").format(sql.Identifier(MARKER_SCHEMA, context.names.guard))
                )
    return bool(found)
