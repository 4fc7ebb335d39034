"""Unlogged tables: no publication takes them, so their rows are copied while nobody writes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import read_unlogged

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg


def size(session: psycopg.Connection[Any]) -> int:
    return sum(table.bytes for table in read_unlogged(session))


def carry(old: psycopg.Connection[Any], new: psycopg.Connection[Any]) -> int:
    """All rows of the old side, in one transaction a table; how many tables."""
    tables = read_unlogged(old)
    for table in tables:
        place = sql.Identifier(table.schema, table.name)
        with new.transaction():
            with contextlib.suppress(psycopg.errors.InsufficientPrivilege), new.transaction():
                new.execute("SET LOCAL session_replication_role TO replica")  # no trigger sees the copy
            new.execute(sql.SQL("DELETE FROM ONLY {}").format(place))
            reading = old.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(place))
            writing = new.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(place))
            with reading as rows, writing as taken:
                for data in rows:
                    taken.write(data)
    return len(tables)
