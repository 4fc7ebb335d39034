# ruff: noqa: S608 - only constants of this package are put into the text
"""Which tables are moved, and what is known about each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import MARKER_SCHEMA, Table
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import catalog

if TYPE_CHECKING:
    import psycopg

# With alias n for pg_namespace: what belongs to the users, of either kind of move.
USER_SCHEMA = f"({catalog.USER_SCHEMA} AND n.nspname <> '{MARKER_SCHEMA}')"

# Tables with rows of their own that belong to the users: their alias is c.
ORDINARY = f"""c.relkind = 'r' AND {USER_SCHEMA} AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')"""

# The index that tells rows apart: the chosen replica identity, else the primary key, else the smallest one that could be chosen.
_TABLES = f"""
SELECT n.nspname, c.relname, c.oid::regclass::text, pg_relation_size(c.oid) / current_setting('block_size')::int,
       pg_table_size(c.oid), greatest(c.reltuples, 0)::bigint,
       coalesce((SELECT array_agg(a.attname::text ORDER BY k.place)
                 FROM (SELECT i.indkey, i.indnkeyatts FROM pg_catalog.pg_index i
                       WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
                         AND i.indpred IS NULL AND i.indexprs IS NULL
                         AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute m WHERE m.attrelid = c.oid
                                         AND m.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) AND NOT m.attnotnull)
                       ORDER BY i.indisreplident AND c.relreplident = 'i' DESC, i.indisprimary DESC, i.indnkeyatts, i.indexrelid
                       LIMIT 1) u
                 CROSS JOIN LATERAL unnest(u.indkey::int2[]) WITH ORDINALITY AS k(number, place)
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
                 WHERE k.place <= u.indnkeyatts), '{{}}'), c.relreplident::text
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {ORDINARY} AND c.relpersistence = %s
ORDER BY pg_table_size(c.oid) DESC, 3
"""


def _read(session: psycopg.Connection[Any], persistence: str) -> list[Table]:
    found = session.execute(_TABLES, (persistence,)).fetchall()
    return [
        Table(schema, name, label, pages, size, rows, tuple(key), identity)
        for schema, name, label, pages, size, rows, key, identity in found
    ]


def read_tables(session: psycopg.Connection[Any]) -> list[Table]:
    """Every table that is copied and followed: ordinary ones and leaf partitions, largest first. Inherited ones stand alone."""
    return _read(session, "p")


def read_unlogged(session: psycopg.Connection[Any]) -> list[Table]:
    """Tables that a publication cannot carry: they are made empty, and filled in the freeze if at all."""
    return _read(session, "u")
