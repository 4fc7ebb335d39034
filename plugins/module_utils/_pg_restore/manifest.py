# ruff: noqa: S608 - only constants of this package are put into the text; names go through psycopg.sql
"""Reading a manifest: what is in a database, as counts and digests, table by table in parallel."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import connect, name
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.parallel import each
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import catalog
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Manifest, Server

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

# How rows are hashed: column by column, as their text in the server's encoding, as their text in UTF8.
COLUMNS, TEXT, RECODED = "columns", "text", "text in UTF8"
AT_ONCE = 200

Row = tuple[Any, ...]


def recoded_hash(text: str) -> str:
    """Of a text, not of the bytes that one side's encoding makes of it. (No hash of bytea can be called but that of a row with one.)"""
    return f"hash_record_extended(ROW(convert_to({text}, 'UTF8')), 0)"


def _hash(columns: str, method: str) -> str:
    if method == COLUMNS:
        return f"hash_record_extended({columns}, 0)"
    return recoded_hash("(a.*)::text") if method == RECODED else "hashtextextended((a.*)::text, 0)"


def _count(session: psycopg.Connection[Any], table: Row, method: str) -> dict[str, Any]:
    """Rows of one table and the sum of their hashes, which does not depend on their order."""
    _, schema, relation, hidden, columns = table
    # The columns come quoted by the server itself; braces in a name must survive being a template.
    template = (
        "SELECT count(*), coalesce(sum("
        + _hash(columns, method).replace("{", "{{").replace("}", "}}")
        + "), 0)::text FROM ONLY {} AS a"
    )
    query = sql.SQL(template).format(name(schema, relation))
    with session.transaction(force_rollback=hidden):
        if hidden:
            # FORCE binds the owner too; it is lifted inside this transaction only, which is rolled back.
            session.execute(sql.SQL("ALTER TABLE ONLY {} NO FORCE ROW LEVEL SECURITY").format(name(schema, relation)))
        rows, total = session.execute(query).fetchone() or (0, "0")
    return {"rows": int(rows), "hash": str(total), "method": method}


def slow(here: Server, there: Server) -> str:
    """Why the fast way does not do: hashes of columns are of one major, and of the bytes of one encoding."""
    if here.encoding != there.encoding:
        return RECODED
    return "" if here.major == there.major else TEXT


def _method(table: Row, wanted: str | None, slow: str) -> str:
    """As the other side did it; else the fast way where it is exact. `slow`: what is exact between these two servers anyway."""
    return wanted or slow or (COLUMNS if table[4] else TEXT)


def _tables(
    where: Endpoint,
    application: str,
    jobs: int,
    snapshot: str,
    methods: Mapping[str, str],
    slow: str,
    tables: list[Row],
) -> dict[str, dict[str, Any]]:
    done: dict[str, dict[str, Any]] = {}

    def look(session: psycopg.Connection[Any], table: Row) -> None:
        done[table[0]] = _count(session, table, _method(table, methods.get(table[0]), slow))

    each(where, application, jobs, tables, look, lambda session: _enter(session, snapshot))
    return done


def _enter(session: psycopg.Connection[Any], snapshot: str) -> None:
    if snapshot:
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        session.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))


def _sequences(session: psycopg.Connection[Any]) -> dict[str, str]:
    found = session.execute(catalog.SEQUENCES).fetchall()
    values: dict[str, str] = {}
    part = sql.SQL("SELECT {}, last_value || CASE WHEN is_called THEN '' ELSE ' (not used yet)' END FROM {}")
    for start in range(0, len(found), AT_ONCE):
        parts = [
            part.format(sql.Literal(label), name(schema, relation))
            for label, schema, relation in found[start : start + AT_ONCE]
        ]
        values.update(session.execute(sql.SQL(" UNION ALL ").join(parts)).fetchall())
    return values


def _digest(definition: str | None) -> str:
    return hashlib.sha256((definition or "").encode()).hexdigest()[:16]


def read(
    where: Endpoint,
    application: str,
    jobs: int,
    snapshot: str = "",
    methods: Mapping[str, str] | None = None,
    slow: str = "",
) -> Manifest:
    """Look at everything; `methods` repeats the hashing that the other side was looked at with, `slow` forbids the fast one."""
    with connect(where, application) as session:
        _enter(session, snapshot)
        tables = session.execute(catalog.TABLES).fetchall()
        count, total = session.execute(catalog.LARGE_OBJECTS).fetchone() or (0, "0")
        manifest = Manifest(
            major=session.info.server_version // 10000,
            objects={
                kind: {str(label): _digest(definition) for label, definition in session.execute(query)}
                for kind, query in catalog.OBJECTS.items()
            },
            sequences=_sequences(session),
            extensions={row[0]: row[1] for row in session.execute(catalog.EXTENSIONS)},
            large_objects={"count": int(count), "hash": str(total)},
            unpopulated=[row[0] for row in session.execute(catalog.UNPOPULATED)],
            invalid=[row[0] for row in session.execute(catalog.INVALID)],
        )
    manifest.tables = _tables(where, application, jobs, snapshot, methods or {}, slow, tables)
    return manifest
