# ruff: noqa: S608 - the catalog's own texts: a name that is quoted there, and the condition that pg_dump uses too
"""Rows that extensions keep for their users (jobs of cron, partman's rules): whether they can be carried over."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import extension_rows
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.model import ExtensionRows
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Finding

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

ENOUGH = 1000  # rows that are counted


def read(session: psycopg.Connection[Any], target: psycopg.Connection[Any]) -> list[ExtensionRows]:
    """The tables that hold any; what may not be read is taken for held."""
    found = []
    for one in extension_rows.tables(session):
        query = f"SELECT count(*) FROM (SELECT FROM {one.rows} LIMIT {ENOUGH}) s"
        try:
            rows = (session.execute(sql.SQL(query)).fetchone() or (0,))[0]
        except psycopg.errors.InsufficientPrivilege:
            rows = None
        if rows != 0:
            found.append(ExtensionRows(one.extension, one.label, rows, extension_rows.unwritable(target, one.label)))
    return found


def check(found: tuple[ExtensionRows, ...], settings: Settings) -> list[Finding]:
    """Pure."""
    findings = []
    for one in found:
        left = one.table in settings.left_extension_tables
        count = "perhaps rows (this login may not look)" if one.rows is None else f"{one.rows} rows of the users"
        if one.rows and one.rows >= ENOUGH:
            count += " or more"
        by_hand = f"carry them over by hand (COPY, or the extension's own functions), and name {one.table} in left_extension_tables"
        if left:
            what, mend = (
                "they are neither moved nor compared",
                "make them anew on the target before the applications need them",
            )
        elif one.rows is None:
            what, mend = "what cannot be read cannot be moved", f"GRANT SELECT ON {one.table} to it; or {by_hand}"
        elif one.extension in extension_rows.ACTED_ON:
            what = "a background worker of the target would act on copies of them while users still write to the source"
            mend = (
                f"name {one.table} in left_extension_tables, and carry them over by hand after the cutover;"
                " those of the source end with its freeze"
            )
        elif one.unwritable:
            what = "the target's login may not write them there"
            mend = f"GRANT SELECT, INSERT, UPDATE, DELETE ON {one.table} to it on the target; or {by_hand}"
        else:
            what, mend = (
                "they are copied with the seed and made equal in the freeze, as they are",
                "see that they fit the new server",
            )
        fatal = not left and (one.rows is None or one.unwritable or one.extension in extension_rows.ACTED_ON)
        findings.append(
            Finding(f"table {one.table} of extension {one.extension}", f"it holds {count}: {what}", mend, fatal)
        )
    return findings
