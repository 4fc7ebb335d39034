"""How much WAL the source keeps for a slot: a lost slot beats a full disk."""

from __future__ import annotations

import contextlib
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

MIB = 1024**2
SETTING = "max_slot_wal_keep_size"
# Megabytes, -1 for no limit; and whether the value was put there by ALTER SYSTEM.
CURRENT = """
SELECT setting::bigint, coalesce(sourcefile, '') LIKE '%%/postgresql.auto.conf' FROM pg_catalog.pg_settings WHERE name = %s
"""


def ensure(context: Context, session: psycopg.Connection[Any]) -> list[str]:
    """Set a limit where there is none; one that somebody chose stays."""
    row = session.execute(CURRENT, (SETTING,)).fetchone()
    if row is None or row[0] != -1:
        return []
    limit = max(context.settings.slot_wal_limit // MIB, 64)
    try:
        context.journal.save(wal_limit={"was": "-1" if row[1] else ""})
        session.execute(sql.SQL("ALTER SYSTEM SET {} TO {}").format(sql.Identifier(SETTING), sql.Literal(f"{limit}MB")))
        session.execute("SELECT pg_reload_conf()")
    except psycopg.errors.InsufficientPrivilege:
        context.journal.save(wal_limit=None)
        return [
            f"{SETTING} is unlimited on the source and {context.ends.source.username} may not set it: a target that stays away"
            f" fills the source's disk. Mend: as a superuser, ALTER SYSTEM SET {SETTING} TO '{limit}MB'; SELECT pg_reload_conf()"
        ]
    return []


def restore(context: Context, session: psycopg.Connection[Any]) -> list[str]:
    """Put back what was there before us."""
    known = context.journal.entries.get("wal_limit")
    if not known:
        return []
    try:
        statement = f"ALTER SYSTEM SET {SETTING} TO -1" if known["was"] else f"ALTER SYSTEM RESET {SETTING}"
        session.execute(statement)
        session.execute("SELECT pg_reload_conf()")
    except psycopg.errors.InsufficientPrivilege:
        return [f"{SETTING} of the source was not put back (it was unlimited)"]
    context.journal.save(wal_limit=None)
    return []
