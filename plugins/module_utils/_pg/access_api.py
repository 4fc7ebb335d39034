"""Reading and changing the rights of an application's login role."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.access import (
    FORBIDDEN,
    SEQUENCE_PRIVILEGES,
    TABLE_PRIVILEGES,
    Access,
    Action,
    Missing,
    Wanted,
    plan,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg.closed import (
    SHUT,
    SHUT_TABLE,
    STATE,
    STATE_TABLE,
    Move,
    why,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError, PgError

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

APPLICATION = "platform_access"

ROLE = "SELECT rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = %s"

# Materialised views can only be read. Sequences of identity columns need no right, but it does no harm.
MISSING = """
SELECT 'DATABASE', quote_ident(d.datname), ARRAY['CONNECT'] FROM pg_catalog.pg_database d
WHERE d.datname = current_database() AND NOT has_database_privilege(%(role)s, d.oid, 'CONNECT')
UNION ALL
SELECT 'SCHEMA', quote_ident(n.nspname), ARRAY['USAGE'] FROM pg_catalog.pg_namespace n
WHERE n.nspname = ANY (%(schemas)s) AND NOT has_schema_privilege(%(role)s, n.oid, 'USAGE')
UNION ALL
SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, array_agg(w.privilege ORDER BY w.privilege)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(CASE c.relkind WHEN 'S' THEN %(sequence)s::text[] WHEN 'm' THEN ARRAY['SELECT'] ELSE %(table)s::text[] END) w(privilege)
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname = ANY (%(schemas)s)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
  AND NOT CASE c.relkind WHEN 'S' THEN has_sequence_privilege(%(role)s, c.oid, w.privilege)
               ELSE has_table_privilege(%(role)s, c.oid, w.privilege) END
GROUP BY c.oid, c.relkind
"""

DEFAULTS = """
SELECT n.nspname, CASE d.defaclobjtype WHEN 'S' THEN 'SEQUENCES' ELSE 'TABLES' END, x.privilege_type
FROM pg_catalog.pg_default_acl d JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
CROSS JOIN LATERAL aclexplode(d.defaclacl) x JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
WHERE r.rolname = %s AND d.defaclobjtype IN ('r', 'S') AND d.defaclrole = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
"""

CREATES = """
SELECT quote_ident(n.nspname) FROM pg_catalog.pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) x
JOIN pg_catalog.pg_roles r ON r.oid = x.grantee WHERE r.rolname = %s AND x.privilege_type = 'CREATE'
"""


def authenticates(login: Endpoint) -> bool:
    """Ask the server itself: the password it keeps cannot be read back."""
    try:
        connect(login, APPLICATION).close()
    except PgConnectError as error:
        said = str(error)
        if "password authentication failed" in said:
            return False
        # Both are said after the password was accepted.
        if "permission denied for database" in said or "is not permitted to log in" in said:
            return True
        raise
    return True


def _rights(session: psycopg.Connection[Any], wanted: Wanted) -> Access:
    """What the catalogs say about the role; the password they keep for themselves."""
    row = session.execute(ROLE, (wanted.username,)).fetchone()
    if row is None:
        return Access(exists=False)
    known = {
        "role": wanted.username,
        "schemas": list(wanted.schemas),
        "table": list(TABLE_PRIVILEGES),
        "sequence": list(SEQUENCE_PRIVILEGES),
    }
    return Access(
        exists=True,
        may_login=bool(row[0]),
        shut=_shut(session, wanted.username),
        attributes=frozenset(attribute for attribute, has in zip(FORBIDDEN, row[1:], strict=True) if has),
        missing=tuple(Missing(kind, label, tuple(rights)) for kind, label, rights in session.execute(MISSING, known)),
        defaults=frozenset((str(a), str(b), str(c)) for a, b, c in session.execute(DEFAULTS, (wanted.username,))),
        may_create_in=tuple(str(one[0]) for one in session.execute(CREATES, (wanted.username,))),
    )


def _shut(session: psycopg.Connection[Any], username: str) -> bool:
    """Did a move take the login away, of a database that is closed still? One that was opened by hand is open."""
    return (
        _closed(session) and _there(session, SHUT_TABLE) and session.execute(SHUT, (username,)).fetchone() is not None
    )


def _closed(session: psycopg.Connection[Any]) -> bool:
    """As the database has it, whatever this session has set for itself."""
    row = session.execute("SELECT reset_val FROM pg_catalog.pg_settings WHERE name = 'default_transaction_read_only'")
    return row.fetchone() == ("on",)


def _there(session: psycopg.Connection[Any], table: str) -> bool:
    row = session.execute("SELECT to_regclass(%s)", (table,)).fetchone()
    return row is not None and row[0] is not None


def read(session: psycopg.Connection[Any], login: Endpoint, wanted: Wanted) -> Access:
    there = {one[0] for one in session.execute("SELECT nspname FROM pg_catalog.pg_namespace")}
    absent = sorted(set(wanted.schemas) - there)
    if absent:
        raise PgError(
            f"schema {', '.join(absent)} is not in {login.label}. Mend: postgres_access_schemas, or make it first"
        )
    found = _rights(session, wanted)
    return replace(found, authenticates=authenticates(login)) if found.exists else found


def _statement(session: psycopg.Connection[Any], action: Action, login: Endpoint) -> sql.Composed:
    text = sql.SQL(action.statement.replace("{", "{{").replace("}", "}}") + "{}")
    if not action.password:
        return text.format(sql.SQL(""))
    # Hashed here, so that the server's log and pg_stat_statements never see the password.
    verifier = session.pgconn.encrypt_password(
        login.password.encode(), login.username.encode(), b"scram-sha-256"
    ).decode()
    return text.format(sql.SQL(" ") + sql.Literal(verifier))


def _apply(session: psycopg.Connection[Any], actions: list[Action], login: Endpoint) -> None:
    for action in actions:
        session.execute(_statement(session, action, login))


def _refuse_closed(session: psycopg.Connection[Any], admin: Endpoint) -> None:
    if not _closed(session):
        return
    move = session.execute(STATE).fetchone() if _there(session, STATE_TABLE) else None
    raise PgError(why(admin.label, Move(*map(str, move)) if move is not None else None))


def ensure(
    admin: Endpoint, login: Endpoint, schemas: tuple[str, ...], check: bool, *, closed: bool = False
) -> list[str]:
    """Bring the role to what is wanted; return what was (or would be) done, in words.

    `closed` says that the database may be one that applications cannot write to yet.
    """
    wanted = Wanted(login.username, schemas)
    if admin.username == login.username:
        raise PgError(
            "the application's login is the administrator's own. Mend: another username in the secret app-database"
        )
    with connect(admin, APPLICATION) as session:
        if not closed:
            _refuse_closed(session, admin)
        # The target of a move is read only until its cutover; its rights are made ready before.
        session.execute("SET default_transaction_read_only TO off")
        quoted = sql.Identifier(wanted.username).as_string(session)
        current = read(session, login, wanted)
        actions = plan(current, wanted, quoted)
        done = [action.why for action in actions]
        if check or not actions:
            return done
        with session.transaction():
            _apply(session, actions, login)
            if not current.exists:  # only now the server can say what the new role lacks
                rest = plan(replace(_rights(session, wanted), authenticates=True), wanted, quoted)
                _apply(session, rest, login)
                done += [action.why for action in rest if action.why not in done]
    if not authenticates(login):
        raise PgError(
            f"{login.username} was given the password of its secret, and the server refuses it. Mend: see the server's pg_hba"
        )
    return done
