# ruff: noqa: S608 - the catalog's own texts: a name that is quoted there, and the condition that pg_dump uses too
"""Rows that extensions keep for their users (jobs of cron, partman's rules): they belong to no table that is moved."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.model import ExtensionRows
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Finding

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

# What an extension has named as its users' data, and which rows of it are theirs: the rest comes with the extension.
CONFIGURED = """
SELECT e.extname, c.oid::regclass::text, k.condition FROM pg_catalog.pg_extension e
CROSS JOIN LATERAL unnest(e.extconfig, e.extcondition) k(number, condition)
JOIN pg_catalog.pg_class c ON c.oid = k.number WHERE c.relkind IN ('r', 'p') ORDER BY 1, 2
"""
ENOUGH = 1000  # rows that are counted


def read(session: psycopg.Connection[Any]) -> list[ExtensionRows]:
    """The tables that hold any; what may not be read is taken for held."""
    found = []
    for extension, label, condition in session.execute(CONFIGURED).fetchall():
        query = f"SELECT count(*) FROM (SELECT FROM {label} {condition or ''} LIMIT {ENOUGH}) s"
        try:
            rows = (session.execute(sql.SQL(query)).fetchone() or (0,))[0]
        except psycopg.errors.InsufficientPrivilege:
            rows = None
        if rows != 0:
            found.append(ExtensionRows(extension, label, rows))
    return found


def check(found: tuple[ExtensionRows, ...], settings: Settings) -> list[Finding]:
    """Pure."""
    findings = []
    for one in found:
        left = one.table in settings.left_extension_tables
        count = "perhaps rows (this login may not look)" if one.rows is None else f"{one.rows} rows of the users"
        if one.rows and one.rows >= ENOUGH:
            count += " or more"
        findings.append(
            Finding(
                f"table {one.table} of extension {one.extension}",
                f"it holds {count}: they are neither moved nor compared",
                "make them anew on the target before the applications need them"
                if left
                else f"carry them over by hand (COPY, or the extension's own functions), and name {one.table} in left_extension_tables",
                fatal=not left,
            )
        )
    return findings
