# ruff: noqa: S608 - only constants of this package are put into the text
"""What would stop the worker that applies changes, or make it do more than was done on the other side. In both directions."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import ORDINARY
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.model import Firing, Unequal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Finding

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

# Rows are applied as a replica: what fires there is what says ALWAYS or REPLICA, for each row or at TRUNCATE.
FIRING = f"""
SELECT c.oid::regclass::text, quote_ident(t.tgname), t.tgenabled::text FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE {ORDINARY} AND c.relpersistence = 'p' AND NOT t.tgisinternal AND t.tgenabled IN ('A', 'R') AND t.tgtype & 33 <> 0 ORDER BY 1, 2
"""
# A row without any key is found by all of its columns.
WHOLE_ROWS = f"""
SELECT c.oid::regclass::text, quote_ident(a.attname), format_type(a.atttypid, -1),
       coalesce(s.n_tup_upd + s.n_tup_del, 0) FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
LEFT JOIN pg_catalog.pg_stat_user_tables s ON s.relid = c.oid
WHERE {ORDINARY} AND c.relpersistence = 'p'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_index p WHERE p.indrelid = c.oid AND p.indisprimary AND p.indimmediate)
  AND (c.relreplident = 'f' OR NOT EXISTS (
    SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
       AND i.indpred IS NULL AND i.indexprs IS NULL
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute m WHERE m.attrelid = c.oid
                       AND m.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) AND NOT m.attnotnull)))
ORDER BY 1, a.attnum
"""


def firing(session: psycopg.Connection[Any]) -> list[Firing]:
    return [Firing(*row) for row in session.execute(FIRING)]


def unequal(session: psycopg.Connection[Any]) -> list[Unequal]:
    """Tables whose rows cannot be told apart by what they hold."""
    known: dict[str, bool] = {}
    found: dict[str, Unequal] = {}
    for table, column, kind, changes in session.execute(WHOLE_ROWS).fetchall():
        if kind not in known:
            known[kind] = _comparable(session, kind)
        if not known[kind]:
            before = found.get(table, Unequal(table, (), changes))
            found[table] = Unequal(table, (*before.columns, f"{column} {kind}"), changes)
    return list(found.values())


def _comparable(session: psycopg.Connection[Any], kind: str) -> bool:
    """Grouping asks for the same operator that the worker asks for."""
    try:
        session.execute(sql.SQL("SELECT FROM (SELECT NULL::" + kind + " AS x LIMIT 0) s GROUP BY x"))
    except psycopg.errors.UndefinedFunction:
        return False
    return True


def check(triggers: tuple[Firing, ...], tables: tuple[Unequal, ...]) -> list[Finding]:
    """Pure."""
    found = []
    for one in triggers:
        word, mend = ("ALWAYS", "ENABLE") if one.mode == "A" else ("REPLICA", "DISABLE")
        found.append(
            Finding(
                f"trigger {one.trigger} of {one.table}",
                f"it is ENABLE {word}: it would fire again where changes are applied, and what it does would be done twice",
                f"ALTER TABLE {one.table} {mend} TRIGGER {one.trigger} on the source before the seed, and put it back after finish",
            )
        )
    for table in tables:
        columns = ", ".join(table.columns)
        found.append(
            Finding(
                f"table {table.table}",
                f"it has no key, and {columns} cannot be compared for equality: the first UPDATE or DELETE of a row stops the replication"
                + (f" ({table.changes} are counted so far)" if table.changes else " (none is counted so far)"),
                "add a primary key, or make it a type with equality (jsonb for json)",
                fatal=table.changes > 0,
            )
        )
    return found
