"""Shutting writers out of one server, and letting them in again.

What was changed is written down on the same server in the same transaction, so that any later run can take it back.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import MARKER_SCHEMA

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

CLOSED = f"""
CREATE SCHEMA IF NOT EXISTS {MARKER_SCHEMA};
CREATE TABLE IF NOT EXISTS {MARKER_SCHEMA}.closed (what text, name text, was text, PRIMARY KEY (what, name))
"""
READ_ONLY = "default_transaction_read_only"

# What a setting is for a role in this database (most specific) or everywhere, and for the database itself (role '').
SETTINGS = """
SELECT coalesce(r.rolname, ''), s.setdatabase <> 0, split_part(c.entry, '=', 2)
FROM pg_catalog.pg_db_role_setting s LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
CROSS JOIN LATERAL unnest(s.setconfig) c(entry)
WHERE split_part(c.entry, '=', 1) = 'default_transaction_read_only'
  AND s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
"""

# What this move has under way here besides the asking session: an attempt that was given up, or one of a run that was killed.
OWN = """
SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = %s AND backend_type = 'client backend'
"""

# Sessions that began before the lock was in force, and so may still write; background workers of extensions too (a scheduler's jobs).
# Ours are told by their name. Subscriptions are looked at before (`refuse_other_writers`).
OTHERS = """
SELECT pid, usename, application_name FROM pg_catalog.pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND backend_type NOT IN ('walsender', 'autovacuum worker', 'parallel worker', 'logical replication worker')
  AND NOT starts_with(application_name, %s) AND backend_start <= %s
"""
PREPARED = "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = current_database() ORDER BY 1"
SUBSCRIPTIONS = r"""
SELECT subname FROM pg_catalog.pg_subscription
WHERE subenabled AND subname NOT LIKE 'platform\_%' AND subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""


def _database(session: psycopg.Connection[Any]) -> sql.Identifier:
    return sql.Identifier(session.info.dbname)


def _remember(session: psycopg.Connection[Any], what: str, name: str, was: str) -> None:
    session.execute(
        f"INSERT INTO {MARKER_SCHEMA}.closed VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",  # noqa: S608 - a constant
        (what, name, was),
    )


def _known(session: psycopg.Connection[Any]) -> list[tuple[str, str, str]]:
    there = session.execute("SELECT to_regclass(%s)", (f"{MARKER_SCHEMA}.closed",)).fetchone()
    if there is None or there[0] is None:
        return []
    return session.execute(f"SELECT what, name, was FROM {MARKER_SCHEMA}.closed ORDER BY 1, 2").fetchall()  # noqa: S608


def closed(session: psycopg.Connection[Any]) -> bool:
    return bool(_known(session))


Allowed = Callable[["psycopg.Connection[Any]"], None]


def close(session: psycopg.Connection[Any], roles: Sequence[str], allowed: Allowed) -> None:
    """New sessions are read only, those of the applications' logins are refused. Old sessions are not touched yet.

    `allowed` raises when it is not for this run (any more) to do that: asked in the transaction, first and last.
    """
    with session.transaction():
        allowed(session)
        session.execute("SET LOCAL client_min_messages TO warning")
        session.execute("SET LOCAL synchronous_commit TO on")
        session.execute(CLOSED)
        done = {(what, name) for what, name, _ in _known(session)}
        settings = session.execute(SETTINGS).fetchall()
        if ("database", "") not in done:
            _remember(session, "database", "", next((value for role, here, value in settings if here and not role), ""))
            session.execute(sql.SQL("ALTER DATABASE {} SET {} TO on").format(_database(session), sql.SQL(READ_ONLY)))
        # A role's own setting would beat the database's.
        for role in sorted({role for role, _, value in settings if role and value not in ("on", "true", "yes", "1")}):
            if ("setting", role) not in done:
                _remember(
                    session, "setting", role, next((value for one, here, value in settings if one == role and here), "")
                )
                _role_setting(session, role, "on")
        logins = session.execute(
            "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = ANY (%s) AND rolcanlogin AND rolname <> current_user",
            (list(roles),),
        ).fetchall()
        for (role,) in logins:
            _remember(session, "login", role, "login")
            session.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(sql.Identifier(role)))
        allowed(session)


def open_again(session: psycopg.Connection[Any], allowed: Allowed) -> bool:
    """Everything as it was before `close`; says whether anything was closed."""
    if not _known(session):
        return False
    with session.transaction():
        allowed(session)
        known = _known(session)
        session.execute("SET LOCAL synchronous_commit TO on")
        for what, name, was in known:
            if what == "database":
                to = (
                    sql.SQL("SET {} TO {}").format(sql.SQL(READ_ONLY), sql.Literal(was))
                    if was
                    else sql.SQL(f"RESET {READ_ONLY}")
                )
                session.execute(sql.SQL("ALTER DATABASE {} {}").format(_database(session), to))
            elif session.execute("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", (name,)).fetchone() is None:
                continue
            elif what == "setting":
                _role_setting(session, name, was)
            elif what == "login":
                session.execute(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(name)))
        session.execute(f"DELETE FROM {MARKER_SCHEMA}.closed")  # noqa: S608 - a constant
    return True


def by_hand(session: psycopg.Connection[Any]) -> list[str]:
    """The statements that would open it, for a person; also when the record of them is about to go."""
    found = []
    for what, name, was in _known(session):
        if what == "database":
            to = (
                sql.SQL("SET {} TO {}").format(sql.SQL(READ_ONLY), sql.Literal(was))
                if was
                else sql.SQL(f"RESET {READ_ONLY}")
            )
            found.append(sql.SQL("ALTER DATABASE {} {}").format(_database(session), to).as_string(session))
        elif what == "login":
            found.append(sql.SQL("ALTER ROLE {} LOGIN").format(sql.Identifier(name)).as_string(session))
    return found


def _role_setting(session: psycopg.Connection[Any], role: str, value: str) -> None:
    to = (
        sql.SQL("SET {} TO {}").format(sql.SQL(READ_ONLY), sql.Literal(value))
        if value
        else sql.SQL(f"RESET {READ_ONLY}")
    )
    session.execute(sql.SQL("ALTER ROLE {} IN DATABASE {} {}").format(sql.Identifier(role), _database(session), to))


def expel(session: psycopg.Connection[Any], application: str, patience: float) -> int:
    """End every session that began before the lock, until there is none; how many there were."""
    row = session.execute("SELECT clock_timestamp()").fetchone()
    since = row[0] if row else None
    deadline = time.monotonic() + patience
    ended: set[int] = set()
    while found := session.execute(OTHERS, (application, since)).fetchall():
        for pid, user, name in found:
            ended.add(pid)
            try:
                session.execute("SELECT pg_terminate_backend(%s)", (pid,))
            except psycopg.errors.InsufficientPrivilege:
                if time.monotonic() > deadline - patience / 2:
                    raise MigrationError(
                        f"session {pid} of {user} ({name or 'no name'}) may still write, and this login may not end it."
                        " Mend: end it, or move with a login that may (superuser, pg_signal_backend)"
                    ) from None
        if time.monotonic() > deadline:
            raise MigrationError(
                f"{len(found)} sessions do not end within {patience:.1f} s: "
                + ", ".join(f"{pid} of {user}" for pid, user, _ in found[:5])
                + ". Mend: stop those clients"
            )
        time.sleep(0.005)
    return len(ended)


def end_own(session: psycopg.Connection[Any], application: str, patience: float) -> None:
    """What was given up must not shut a side that is opened now. One that does not end in time cannot commit any more: nobody tells it to."""
    deadline = time.monotonic() + patience
    while session.execute(OWN, (application,)).fetchall() and time.monotonic() < deadline:
        time.sleep(0.005)


def refuse_other_writers(session: psycopg.Connection[Any]) -> None:
    """A prepared transaction can be committed by anybody at any time; a subscription is no session that could be ended."""
    waiting = [row[0] for row in session.execute(PREPARED)]
    if waiting:
        raise MigrationError(
            f"prepared transactions wait on {session.info.dbname}: {', '.join(waiting[:5])}."
            " Mend: COMMIT PREPARED or ROLLBACK PREPARED each, then run the verb again"
        )
    fed = [row[0] for row in session.execute(SUBSCRIPTIONS)]
    if fed:
        raise MigrationError(
            f"{session.info.dbname} is fed by another subscription: {', '.join(fed)}."
            " Mend: ALTER SUBSCRIPTION ... DISABLE for the time of the move, or let it feed the other side first"
        )
