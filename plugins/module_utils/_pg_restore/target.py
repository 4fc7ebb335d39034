# ruff: noqa: S608 - only constants of this package are put into the text; names go through psycopg.sql
"""Changes on the target besides the restore itself: the marker, extensions, and clearing away what we half made."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterable
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import connect, name
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg.parallel import each
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import catalog
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import MARKER_SCHEMA, Extension

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

MARKER = f"""
CREATE SCHEMA IF NOT EXISTS {MARKER_SCHEMA};
CREATE TABLE IF NOT EXISTS {MARKER_SCHEMA}.move (move text PRIMARY KEY, source text NOT NULL, identity text NOT NULL, phase text NOT NULL,
  runner text NOT NULL, started timestamptz NOT NULL DEFAULT now(), finished timestamptz, report jsonb);
CREATE UNIQUE INDEX IF NOT EXISTS one_move_only ON {MARKER_SCHEMA}.move ((true));
COMMENT ON SCHEMA {MARKER_SCHEMA} IS 'Which database was moved here, and how far that is. Made and read by tiketi.platform.postgres_restore.'
"""


def mark(session: psycopg.Connection[Any], move: str, source: str, identity: str, phase: str) -> None:
    """Say on the target itself whose it is; what is restored before this line would be a stranger's."""
    with session.transaction():
        session.execute(MARKER)
        session.execute(
            f"INSERT INTO {MARKER_SCHEMA}.move (move, source, identity, phase, runner) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (move) DO UPDATE SET phase = EXCLUDED.phase, identity = EXCLUDED.identity, runner = EXCLUDED.runner",
            (move, source, identity, phase, socket.gethostname()),
        )


def mark_finished(session: psycopg.Connection[Any], move: str, phase: str, report: dict[str, Any]) -> None:
    with session.transaction():
        # The copy was written without waiting for the disk; this commit waits, and with it everything before it.
        session.execute("SET LOCAL synchronous_commit TO on")
        session.execute(
            f"UPDATE {MARKER_SCHEMA}.move SET phase = %s, finished = now() AT TIME ZONE 'UTC', report = %s WHERE move = %s",
            (phase, json.dumps(report), move),
        )


def stop_leftovers(session: psycopg.Connection[Any], application: str) -> int:
    """End sessions of a killed run; they would go on writing."""
    leftovers = "SELECT pid FROM pg_catalog.pg_stat_activity WHERE datname = current_database() AND application_name = %s AND pid <> pg_backend_pid()"
    found = session.execute(leftovers, (application,)).fetchall()
    for (pid,) in found:
        ended = session.execute("SELECT pg_terminate_backend(%s, 30000)", (pid,)).fetchone()
        if ended and ended[0]:
            continue
        # The same answer is given for a session that ended by itself since it was seen: its client is dead.
        if session.execute(f"{leftovers} AND pid = %s", (application, pid)).fetchone():
            raise PgError(
                f"target: session {pid} of an earlier run does not end. Mend: pg_terminate_backend({pid}) by hand"
            )
    return len(found)


def clear(session: psycopg.Connection[Any]) -> int:
    """Drop what the marked, unfinished move has put there. Extensions and schemas stay, empty."""
    found = session.execute(catalog.CONTENT).fetchall()
    for kind, identity in found:
        session.execute(
            f"DROP {str(kind).upper().replace('STATISTICS OBJECT', 'STATISTICS')} IF EXISTS {identity} CASCADE"
        )
    session.execute("SELECT lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata")
    left = session.execute(catalog.CONTENT).fetchall()
    if left:
        raise PgError("target: could not be cleared: " + ", ".join(f"{kind} {identity}" for kind, identity in left[:5]))
    return len(found)


def add_extensions(session: psycopg.Connection[Any], extensions: Iterable[Extension]) -> None:
    """As the master login, before the restore: a managed server makes them for us."""
    session.execute("CREATE SCHEMA IF NOT EXISTS public")
    for extension in extensions:
        if extension.schema != "pg_catalog":
            session.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name(extension.schema)))
        session.execute(
            sql.SQL("CREATE EXTENSION IF NOT EXISTS {} SCHEMA {} CASCADE").format(
                name(extension.name), name(extension.schema)
            )
        )


def schemas(session: psycopg.Connection[Any]) -> tuple[set[str], set[str]]:
    """Schemas that are there, and those of them that our login does not own."""
    rows = session.execute(
        f"SELECT n.nspname, pg_has_role(current_user, n.nspowner, 'USAGE') FROM pg_catalog.pg_namespace n WHERE {catalog.USER_SCHEMA}"
    ).fetchall()
    return {row[0] for row in rows}, {row[0] for row in rows if not row[1]}


def analyze(where: Endpoint, application: str, jobs: int) -> None:
    """Statistics, the largest table first. A partitioned table gathers those of its whole tree, so its parts come with it."""
    with connect(where, application) as session:
        found = session.execute(
            "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            f" WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND {catalog.USER_SCHEMA}"
            " ORDER BY pg_catalog.pg_table_size(c.oid) DESC"
        ).fetchall()

    def work(worker: psycopg.Connection[Any], relation: tuple[str, str]) -> None:
        worker.execute(sql.SQL("ANALYZE {}").format(name(*relation)))

    each(where, application, jobs, found, work)
