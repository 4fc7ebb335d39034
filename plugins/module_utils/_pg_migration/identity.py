# ruff: noqa: S608 - only constants of this package are put into the text; names go through psycopg.sql
"""What the source publishes, and by what each row is known there.

A published table without replica identity refuses every UPDATE and DELETE of the applications: identities come first.
"""

from __future__ import annotations

import contextlib
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import name
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import facts, patience, wal_limit
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

WORDS = {"d": "DEFAULT", "n": "NOTHING", "f": "FULL"}

# Tables whose identity names no column, with the index that could serve: a primary key, else a unique one without NULL.
# A deferrable or invalid index names no row for replication, be it the primary key or not: the server passes it over without a word.
LACKING = f"""
SELECT n.nspname, c.relname, c.oid::regclass::text, c.relreplident::text,
       (SELECT coalesce((SELECT x.relname FROM pg_catalog.pg_class x WHERE x.oid = i.indexrelid), '') FROM pg_catalog.pg_index i
        WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute m WHERE m.attrelid = c.oid
                          AND m.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) AND NOT m.attnotnull)
        ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {facts.ORDINARY} AND c.relpersistence = 'p'
  AND (c.relreplident = 'n'
       OR c.relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_catalog.pg_index p WHERE p.indrelid = c.oid AND p.indisprimary
                                               AND p.indimmediate AND p.indisvalid)
       OR c.relreplident = 'i' AND NOT EXISTS (SELECT FROM pg_catalog.pg_index p WHERE p.indrelid = c.oid AND p.indisreplident
                                               AND p.indimmediate AND p.indisvalid))
ORDER BY 3
"""


def ensure(context: Context) -> list[str]:
    """Identities first, then the publication that names every table. What a person should know comes back."""
    journal, notices = context.journal, []
    with context.source() as session:
        lacking = session.execute(LACKING).fetchall()
        known = {entry["label"]: entry for entry in journal.entries.get("identities", [])}
        for schema, table, label, was, _ in lacking:
            known.setdefault(label, {"schema": schema, "name": table, "label": label, "was": was})
        journal.save(identities=sorted(known.values(), key=lambda entry: str(entry["label"])))
        journal.publish(session)  # whoever finishes the move has to know what to put back
        for schema, table, label, _, index in lacking:
            wanted = sql.SQL("USING INDEX {}").format(name(index)) if index else sql.SQL("FULL")
            _set(session, schema, table, label, wanted)
            if not index:
                notices.append(
                    f"{label} has no key (a deferrable one does not count): its whole rows are its replica identity (FULL) until the move is finished;"
                    " each UPDATE or DELETE of it costs the target a look through the table"
                )
        _publish(session, context)
        notices += wal_limit.ensure(context, session)
    return notices


def _set(session: psycopg.Connection[Any], schema: str, table: str, label: str, wanted: sql.Composable) -> None:
    statement = sql.SQL("ALTER TABLE {} REPLICA IDENTITY {}").format(name(schema, table), wanted)
    patience.execute(session, statement, f"table {label}")


def _publish(session: psycopg.Connection[Any], context: Context) -> None:
    """By name, each leaf for itself: what applies to a partition applies to the same partition on the other side."""
    publication = name(context.names.publication)
    if lacking := [str(row[2]) for row in session.execute(LACKING)]:
        raise MigrationError(
            f"{', '.join(lacking[:5])}: no replica identity, so that every UPDATE and DELETE of the applications would fail as soon as it is"
            " published; nothing was published. Mend: seed again; if it stays, give it a primary key that is not deferrable"
        )
    tables = [sql.SQL("ONLY {}").format(name(table.schema, table.name)) for table in facts.read_tables(session)]
    there = session.execute(
        "SELECT FROM pg_catalog.pg_publication WHERE pubname = %s", (context.names.publication,)
    ).fetchone()
    if there is not None and tables:
        statement = sql.SQL("ALTER PUBLICATION {} SET TABLE {}").format(publication, sql.SQL(", ").join(tables))
    elif there is not None:
        return
    elif tables:
        statement = sql.SQL("CREATE PUBLICATION {} FOR TABLE {}").format(publication, sql.SQL(", ").join(tables))
    else:
        statement = sql.SQL("CREATE PUBLICATION {}").format(publication)
    patience.execute(session, statement, "a table of the publication")


def restore(context: Context) -> list[str]:
    """Take back what `ensure` did on the source, and what of it was copied to the target. Nothing happens twice."""
    notices: list[str] = []
    with context.source() as session:
        patience.execute(
            session,
            sql.SQL("DROP PUBLICATION IF EXISTS {}").format(name(context.names.publication)),
            "a table of the publication",
        )
        notices += wal_limit.restore(context, session)
        notices += put_back(session, context)
    try:
        with context.target() as session:
            notices += put_back(session, context)
    except PgConnectError as error:
        notices.append(f"replica identities on the target were not put back: {error}")
    return notices


def put_back(session: psycopg.Connection[Any], context: Context) -> list[str]:
    notices = []
    for entry in context.journal.entries.get("identities", []):
        there = session.execute("SELECT to_regclass(%s)", (entry["label"],)).fetchone()
        if there is None or there[0] is None:
            continue
        try:
            _set(session, entry["schema"], entry["name"], entry["label"], sql.SQL(WORDS.get(entry["was"], "DEFAULT")))
        except MigrationError as error:
            notices.append(f"the replica identity of {entry['label']} was not put back: {error}")
    return notices
