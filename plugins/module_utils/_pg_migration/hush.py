"""A statement with a password in it must not be written down by the server, neither when it succeeds nor when it fails."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

QUIET = (
    "SET log_statement TO none",
    "SET log_min_error_statement TO panic",
    "SET log_min_duration_statement TO -1",
    "SET log_min_duration_sample TO -1",
    "SET log_transaction_sample_rate TO 0",
    "SET log_duration TO off",
    "SET pg_stat_statements.track_utility TO off",
    "SET pgaudit.log TO none",
    "SET auto_explain.log_min_duration TO -1",
)
# What writes the text of a statement that succeeds into the log, unless it has this value.
SILENT = {
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "pgaudit.log": "none",
}
SETTINGS = "SELECT name, current_setting(name, true) FROM unnest(%s::text[]) name"
STATEMENTS = """
SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'
"""
FORGET = """
SELECT count({schema}.pg_stat_statements_reset(userid, dbid, queryid)) FROM {schema}.pg_stat_statements
WHERE query ~* '^(create|alter)[[:space:]]+subscription' AND query LIKE '%%' || %s || '%%'
"""
KEPT = (
    "pg_stat_statements on {where} keeps the text of the subscription, with its password. Mend: SELECT pg_stat_statements_reset() there,"
    " as a login that may, in the database that has the extension"
)


def quieten(session: psycopg.Connection[Any]) -> None:
    """As far as this login is allowed to."""
    for statement in QUIET:
        with contextlib.suppress(psycopg.Error):
            session.execute(statement)


def hushed(session: psycopg.Connection[Any]) -> bool:
    """Whether a statement that fails stays out of this server's log. Only some logins may see to that."""
    quieten(session)
    row = session.execute("SELECT current_setting('log_min_error_statement') IN ('fatal', 'panic')").fetchone()
    return bool(row and row[0])


def loud(session: psycopg.Connection[Any]) -> list[str]:
    """Settings that log the text of a statement that succeeds, and that this login cannot switch off; each with its value."""
    quieten(session)
    return speaking(dict(session.execute(SETTINGS, (list(SILENT),)).fetchall()))


def speaking(values: Mapping[str, str | None]) -> list[str]:
    """Pure."""
    found = []
    for name, value in values.items():
        if name == "pgaudit.log":
            classes = {one.strip().lower() for one in (value or "none").split(",")}
            silent = "-ddl" in classes or not classes & {"ddl", "all"}
        else:
            silent = value in (None, "", SILENT[name])
        if not silent:
            found.append(f"{name}={value}")
    return found


def mend(settings: list[str], login: str) -> str:
    names = [one.partition("=")[0] for one in settings]
    quiet = ", ".join(f"{name}={SILENT[name]}" for name in names)
    grants = "; ".join(f"GRANT SET ON PARAMETER {name} TO {login}" for name in names)
    return (
        f"{quiet} in that server's configuration or parameter group for the time of the move (no restart), or {grants}"
    )


def forget(session: psycopg.Connection[Any], name: str, where: str) -> list[str]:
    """What pg_stat_statements kept of the statements about this subscription goes; a notice when it may still be there."""
    row = session.execute("SELECT current_setting('pg_stat_statements.track_utility', true)").fetchone()
    if not row or row[0] != "on":
        return []
    place = session.execute(STATEMENTS).fetchone()
    if place is None:
        return [KEPT.format(where=where)]
    try:
        session.execute(sql.SQL(FORGET).format(schema=sql.Identifier(place[0])), (name,))
    except psycopg.Error:
        return [KEPT.format(where=where)]
    return []
