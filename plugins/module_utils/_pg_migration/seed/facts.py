# ruff: noqa: S608 - only constants of this package are put into the text
"""What the seed asks the source, besides the list of tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import ORDINARY, USER_SCHEMA
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.plan import Owner
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import catalog
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Extension

if TYPE_CHECKING:
    import psycopg

# Objects made by initdb have lower numbers, the same on every server.
OURS = 16384


@dataclass(frozen=True)
class Columns:
    """What of a table is copied, and how. Generated columns are made anew by the target."""

    names: tuple[str, ...]
    binary: bool


SCHEMAS = f"SELECT n.nspname, pg_get_userbyid(n.nspowner) FROM pg_catalog.pg_namespace n WHERE {USER_SCHEMA}"

# Binary saves both servers the parsing of numbers and times. Text where a value holds an OID of its own database: arrays and composites of
# user types, regclass and its like; and where a type has no binary form.
COLUMNS = f"""
SELECT c.oid::regclass::text, coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attgenerated = ''), '{{}}'),
       coalesce(bool_and(t.typsend <> 0 AND t.typtype NOT IN ('c', 'p') AND t.typname !~ '^_?reg' AND CASE
         WHEN t.typtype = 'd' THEN t.typbasetype < {OURS}
         WHEN t.oid < {OURS} OR t.typtype = 'e' THEN true
         ELSE t.typtype = 'b' AND t.typelem = 0 AND t.typsend::oid < {OURS} END) FILTER (WHERE a.attgenerated = ''), false)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
WHERE {ORDINARY} AND c.relpersistence = 'p' GROUP BY c.oid
"""

OWNERS = f"""
SELECT 'constraint', k.oid::bigint, k.conrelid::regclass::text, quote_ident(k.conname), pg_table_size(c.oid), c.relkind = 'p', k.convalidated
FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {USER_SCHEMA} AND k.contype IN ('p', 'u', 'x', 'f')
UNION ALL
SELECT 'index', i.indexrelid::bigint, i.indrelid::regclass::text, '', pg_relation_size(i.indexrelid), c.relkind = 'p', true
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {USER_SCHEMA}
"""

# A partitioned table gathers the statistics of its whole tree. The last column: nothing but rows and indexes is needed for it.
ANALYZED = f"""
SELECT c.oid::regclass::text, pg_table_size(c.oid),
       c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_catalog.pg_statistic_ext s WHERE s.stxrelid = c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND {USER_SCHEMA} AND (c.relkind = 'p' OR ({ORDINARY})) ORDER BY 2 DESC
"""

FILENODES = f"""
SELECT c.oid::regclass::text, pg_relation_filenode(c.oid) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {ORDINARY}
"""

VIEWS = f"""
SELECT c.oid::regclass::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated AND {USER_SCHEMA} ORDER BY c.oid
"""

INDEXES = f"""
SELECT i.indexrelid::regclass::text, pg_relation_size(i.indexrelid) FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMA}
"""

# Reading a sequence's row needs SELECT on it only.
SEQUENCES = f"""
SELECT c.oid::regclass::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND {USER_SCHEMA}
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
"""


def extensions(session: psycopg.Connection[Any]) -> list[Extension]:
    return [Extension(*row) for row in session.execute(catalog.EXTENSIONS)]


def schema_owners(session: psycopg.Connection[Any]) -> dict[str, str]:
    return {row[0]: row[1] for row in session.execute(SCHEMAS)}


def columns(session: psycopg.Connection[Any]) -> dict[str, Columns]:
    return {label: Columns(tuple(names), binary) for label, names, binary in session.execute(COLUMNS)}


def owners(session: psycopg.Connection[Any]) -> dict[tuple[str, int], Owner]:
    return {(row[0], row[1]): Owner(*row[2:]) for row in session.execute(OWNERS)}


def analyzed(session: psycopg.Connection[Any]) -> list[tuple[str, int, bool]]:
    return [(label, size, simple) for label, size, simple in session.execute(ANALYZED)]


def filenodes(session: psycopg.Connection[Any]) -> dict[str, int]:
    """The file of each table, as it is now and not as the snapshot knows it."""
    return {label: int(number) for label, number in session.execute(FILENODES) if number}


def labels(session: psycopg.Connection[Any], query: str) -> list[tuple[str, int]]:
    """Names of INDEXES, VIEWS or SEQUENCES with their size, where it is asked for."""
    return [(row[0], row[1] if len(row) > 1 else 0) for row in session.execute(query)]
