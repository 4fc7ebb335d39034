# ruff: noqa: S608 - only constants of this package are put into the text
"""The shape of the tables on both sides: what a row must fit into. A difference stops replication, or soon will."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import ORDINARY

if TYPE_CHECKING:
    import psycopg

Shape = Mapping[str, Mapping[str, str]]  # table -> column -> type and the like

_SHAPES = f"""
SELECT c.oid::regclass::text, quote_ident(a.attname),
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
                 CASE WHEN a.attgenerated <> '' THEN 'generated' END)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE {ORDINARY} AND c.relpersistence = 'p'
"""

PUBLISHED = """
SELECT format('%%I.%%I', schemaname, tablename) FROM pg_catalog.pg_publication_tables WHERE pubname = %s
"""


def read(session: psycopg.Connection[Any]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in session.execute(_SHAPES):
        columns = found.setdefault(table, {})
        if column is not None:
            columns[column] = kind
    return found


def differences(source: Shape, target: Shape) -> list[str]:
    """In words, for each table and column. Pure."""
    found = [f"table {name} is on the source only" for name in sorted(source.keys() - target.keys())]
    found += [f"table {name} is on the target only" for name in sorted(target.keys() - source.keys())]
    for name in sorted(source.keys() & target.keys()):
        here, there = source[name], target[name]
        found += [f"column {one} of {name} is on the source only" for one in here if one not in there]
        found += [f"column {one} of {name} is on the target only" for one in there if one not in here]
        found += [
            f"column {one} of {name} is {here[one]} on the source, {there[one]} on the target"
            for one in here
            if one in there and here[one] != there[one]
        ]
    return found


def unpublished(session: psycopg.Connection[Any], publication: str, source: Shape) -> list[str]:
    """Tables of the source that the publication does not carry."""
    carried = {row[0] for row in session.execute(PUBLISHED, (publication,))}
    return [f"table {name} is not in publication {publication}" for name in sorted(source.keys() - carried)]
