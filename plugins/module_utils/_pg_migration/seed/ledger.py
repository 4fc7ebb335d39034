# ruff: noqa: S608 - only constants of this package are put into the text
"""What is planned and what is done, on the target itself: written in the transaction that does it, so that neither can lie."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import MARKER_SCHEMA, Table
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.plan import Part, Step

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

TABLES = f"""
CREATE SCHEMA IF NOT EXISTS {MARKER_SCHEMA};
CREATE TABLE {MARKER_SCHEMA}.seed (one boolean PRIMARY KEY DEFAULT true CHECK (one), move uuid NOT NULL, snapshot text NOT NULL,
  planned timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE {MARKER_SCHEMA}.parts (relation text, part int, schema text NOT NULL, name text NOT NULL, pages_from bigint NOT NULL, pages_to bigint,
  planned_bytes bigint NOT NULL, filenode bigint, rows bigint, bytes bigint, seconds float8, copied timestamptz, PRIMARY KEY (relation, part));
CREATE TABLE {MARKER_SCHEMA}.steps (number int, stage text, relation text NOT NULL, title text NOT NULL, statement text NOT NULL,
  weight bigint NOT NULL, alone boolean NOT NULL, seconds float8, done timestamptz, PRIMARY KEY (number, stage))
"""
OLD = f"DROP TABLE IF EXISTS {MARKER_SCHEMA}.seed, {MARKER_SCHEMA}.parts, {MARKER_SCHEMA}.steps"

FILLING = f"""
CREATE SCHEMA IF NOT EXISTS {MARKER_SCHEMA};
CREATE TABLE IF NOT EXISTS {MARKER_SCHEMA}.filling (one boolean PRIMARY KEY DEFAULT true CHECK (one), move uuid NOT NULL)
"""

FILLED = f"CREATE TABLE IF NOT EXISTS {MARKER_SCHEMA}.filled (move uuid, label text, PRIMARY KEY (move, label))"

PART = f"""
INSERT INTO {MARKER_SCHEMA}.parts (relation, part, schema, name, pages_from, pages_to, planned_bytes, filenode)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
STEP = f"INSERT INTO {MARKER_SCHEMA}.steps (number, stage, relation, title, statement, weight, alone) VALUES (%s, %s, %s, %s, %s, %s, %s)"
PART_DONE = f"""
UPDATE {MARKER_SCHEMA}.parts SET rows = %s, bytes = %s, seconds = %s, copied = clock_timestamp() WHERE relation = %s AND part = %s AND copied IS NULL
"""
STEP_DONE = f"UPDATE {MARKER_SCHEMA}.steps SET seconds = %s, done = clock_timestamp() WHERE number = %s AND stage = %s AND done IS NULL"
TO_COPY = f"""
SELECT relation, part, schema, name, pages_from, pages_to, planned_bytes, filenode FROM {MARKER_SCHEMA}.parts WHERE copied IS NULL
ORDER BY planned_bytes DESC, relation, part
"""
AGAIN = f"""
UPDATE {MARKER_SCHEMA}.parts SET filenode = %s, rows = NULL, bytes = NULL, seconds = NULL, copied = NULL WHERE relation = %s RETURNING schema, name
"""
TO_BUILD = f"SELECT number, stage, relation, title, statement, weight, alone FROM {MARKER_SCHEMA}.steps WHERE done IS NULL ORDER BY number"
TOTALS = f"""
SELECT count(*) FILTER (WHERE copied IS NULL), coalesce(sum(planned_bytes), 0)::bigint,
       coalesce(sum(planned_bytes) FILTER (WHERE copied IS NOT NULL), 0)::bigint,
       coalesce(sum(rows), 0)::bigint, coalesce(sum(bytes), 0)::bigint, count(*) FROM {MARKER_SCHEMA}.parts
"""


def snapshot(session: psycopg.Connection[Any], move: str) -> str | None:
    """The snapshot of which this move's plan is here; None when there is none, or only another move's."""
    try:
        row = session.execute(f"SELECT snapshot FROM {MARKER_SCHEMA}.seed WHERE move = %s", (move,)).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return None
    return str(row[0]) if row else None


def fills(session: psycopg.Connection[Any], move: str, labels: Iterable[str]) -> None:
    """Tables of extensions that hold no row of the users yet: what is there from here on, this move has put there."""
    with session.transaction():
        session.execute("SET LOCAL client_min_messages TO warning")
        session.execute(FILLED)
        for label in labels:
            session.execute(f"INSERT INTO {MARKER_SCHEMA}.filled VALUES (%s, %s) ON CONFLICT DO NOTHING", (move, label))


def filled(session: psycopg.Connection[Any], move: str) -> set[str]:
    try:
        return {row[0] for row in session.execute(f"SELECT label FROM {MARKER_SCHEMA}.filled WHERE move = %s", (move,))}
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return set()


def mark(session: psycopg.Connection[Any], move: str) -> None:
    """From here on this move puts things on the target: what is there may be dropped by it. It goes with the schema, at the end of the move."""
    with session.transaction():
        session.execute("SET LOCAL client_min_messages TO warning")
        session.execute("SET LOCAL synchronous_commit TO on")
        session.execute(FILLING)
        session.execute(
            f"INSERT INTO {MARKER_SCHEMA}.filling (move) VALUES (%s) ON CONFLICT (one) DO UPDATE SET move = EXCLUDED.move",
            (move,),
        )


def marked(session: psycopg.Connection[Any], move: str) -> bool:
    there = session.execute("SELECT to_regclass(%s)", (f"{MARKER_SCHEMA}.filling",)).fetchone()
    if there is None or there[0] is None:
        return False
    return session.execute(f"SELECT 1 FROM {MARKER_SCHEMA}.filling WHERE move = %s", (move,)).fetchone() is not None


def forget(session: psycopg.Connection[Any]) -> None:
    session.execute(OLD)


def plan(session: psycopg.Connection[Any], move: str, taken: str, parts: Iterable[Part], steps: Iterable[Step]) -> None:
    """All of it or nothing."""
    with session.transaction():
        session.execute(OLD)
        session.execute(TABLES)
        with session.cursor() as cursor:
            cursor.executemany(
                PART,
                [
                    (p.table.label, p.number, p.table.schema, p.table.name, p.first, p.last, p.bytes, p.filenode)
                    for p in parts
                ],
            )
            cursor.executemany(
                STEP, [(s.number, s.stage, s.table, s.title, s.statement, s.weight, s.alone) for s in steps]
            )
        session.execute(f"INSERT INTO {MARKER_SCHEMA}.seed (move, snapshot) VALUES (%s, %s)", (move, taken))


def to_copy(session: psycopg.Connection[Any]) -> list[Part]:
    return [
        Part(Table(schema, name, label, 0, size, 0), number, first, last, size, filenode)
        for label, number, schema, name, first, last, size, filenode in session.execute(TO_COPY)
    ]


def to_build(session: psycopg.Connection[Any]) -> list[Step]:
    return [Step(*row) for row in session.execute(TO_BUILD)]


def totals(session: psycopg.Connection[Any]) -> dict[str, int]:
    row = session.execute(TOTALS).fetchone() or (0,) * 6
    return dict(
        zip(
            ("parts_left", "planned_bytes", "done_bytes", "rows", "bytes", "parts"),
            (int(one) for one in row),
            strict=True,
        )
    )


def part_done(session: psycopg.Connection[Any], part: Part, rows: int, size: int, seconds: float) -> None:
    """Inside the transaction of the copy: when another session was faster, this copy is rolled back."""
    written = session.execute(PART_DONE, (rows, size, seconds, part.table.label, part.number)).rowcount
    if written != 1:
        raise MigrationError(
            f"{part.label} was copied by another run at the same time; this copy of it was taken back. Mend: run seed again"
        )


def again(session: psycopg.Connection[Any], label: str, filenode: int) -> None:
    """Nothing of this table was copied: the ranges are counted in a new file from here on."""
    with session.transaction():
        row = session.execute(AGAIN, (filenode, label)).fetchone()
        if row:
            session.execute(sql.SQL("TRUNCATE ONLY {}").format(sql.Identifier(*row)))


def step_done(session: psycopg.Connection[Any], step: Step, seconds: float) -> None:
    if session.execute(STEP_DONE, (seconds, step.number, step.stage)).rowcount != 1:
        raise MigrationError(
            f"{step.title} was built by another run at the same time; this one was taken back. Mend: run seed again"
        )


def flush(session: psycopg.Connection[Any]) -> None:
    """Copies are committed without waiting for the disk; this commit waits, and with it every one before it."""
    with session.transaction():
        session.execute("SET LOCAL synchronous_commit TO on")
        session.execute(f"UPDATE {MARKER_SCHEMA}.seed SET planned = planned")
