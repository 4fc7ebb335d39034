"""The journal of a move: a file on the runner, and a copy of its phase on both servers.

A runner that is lost loses only the file: another one finds the move on the source and goes on. A runner that comes back finds the higher
revision there, and takes that for true.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError
from ansible_collections.tiketi.platform.plugins.module_utils._pg.journal import MoveJournal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import fence
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    MigrationError,
    NoRoomError,
    OvertakenError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import (
    ABANDONED,
    FINISHED,
    MARKER_SCHEMA,
    NEW,
    SEEDING,
    Ends,
    Names,
    Progress,
)

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg

STATE = f"""
CREATE SCHEMA IF NOT EXISTS {MARKER_SCHEMA};
CREATE TABLE IF NOT EXISTS {MARKER_SCHEMA}.state (
  one boolean PRIMARY KEY DEFAULT true CHECK (one), id uuid NOT NULL, source text NOT NULL, target text NOT NULL,
  phase text NOT NULL, runner text NOT NULL, entries jsonb NOT NULL, written timestamptz NOT NULL DEFAULT clock_timestamp())
"""
ENDED = (NEW, FINISHED, ABANDONED)


class Journal(MoveJournal):
    """Phases, findings and measurements; never a password, never a row."""

    def __init__(self, root: Path, ends: Ends, runner: str) -> None:
        super().__init__(root, ends.source.label, ends.target.label)
        self.ends, self.runner = ends, runner

    @property
    def names(self) -> Names:
        return Names(str(self.entries["id"]).replace("-", "")[:8])

    @property
    def active(self) -> bool:
        return self.phase not in ENDED

    def progress(self, progress: Progress) -> None:
        """For whoever looks on: `cat progress.json`, or the attached module."""
        self.write(
            "progress.json", {**vars(progress), "seconds": round(time.time() - progress.began, 1)}, durable=False
        )

    @property
    def revision(self) -> int:
        """Raised by every run that leads the move on, and with every phase: of two stories the one with the higher number is true."""
        return int(self.entries.get("revision") or 0)

    def phase_is(self, phase: str, **changes: Any) -> None:
        """Write the phase down where every later run will look: here, and on both servers."""
        before = dict(self.entries)
        self.save(phase=phase, revision=self.revision + 1, **changes)
        try:
            for end in (self.ends.source, self.ends.target):
                # After a cutover the old server may be gone, before it the new one may be: the file is the master.
                with contextlib.suppress(PgConnectError), connect(end, self.names.application) as session:
                    self.publish(session)
        except OvertakenError:
            self.entries = before
            self.save()
            raise

    def publish(self, session: psycopg.Connection[Any]) -> None:
        """Copy the phase to one server, never over a later one. Also while that server is read only by default.

        Raises OvertakenError where the server has a later one, NoRoomError where its disk is full.
        """
        try:
            written = self._write_row(session)
        except psycopg.errors.DiskFull as error:
            raise NoRoomError(
                f"{session.info.host}:{session.info.port}/{session.info.dbname} has no room for the mark of this move:"
                f" {str(error).partition(chr(10))[0]}. Mend: make room there (its disk, or the tablespace of the database), then run the verb again"
            ) from error
        if not written:
            raise OvertakenError(self._overtaken(session))

    def _write_row(self, session: psycopg.Connection[Any]) -> bool:
        with session.transaction():
            session.execute("SET LOCAL transaction_read_only TO off")
            session.execute("SET LOCAL lock_timeout TO '10s'")
            session.execute("SET LOCAL client_min_messages TO warning")
            session.execute(STATE)
            written = session.execute(
                f"INSERT INTO {MARKER_SCHEMA}.state AS known (id, source, target, phase, runner, entries)"  # noqa: S608 - a constant
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (one) DO UPDATE SET (id, source, target, phase, runner, entries, written)"
                " = (EXCLUDED.id, EXCLUDED.source, EXCLUDED.target, EXCLUDED.phase, EXCLUDED.runner, EXCLUDED.entries, clock_timestamp())"
                " WHERE CASE WHEN known.id = EXCLUDED.id THEN coalesce((known.entries ->> 'revision')::bigint, 0) <= %s"
                " ELSE known.phase = ANY (%s) END",
                (self.entries["id"], self.source, self.target, self.phase, self.runner, json.dumps(self.entries),
                 self.revision, list(ENDED)),
            )  # fmt: skip
        return written.rowcount > 0

    def still_ours(self, session: psycopg.Connection[Any]) -> None:
        """In a transaction: nobody else has led the move on, and nobody does until this transaction has ended."""
        if _marked(session):
            row = session.execute(
                f"SELECT id::text, coalesce((entries ->> 'revision')::bigint, 0) FROM {MARKER_SCHEMA}.state FOR SHARE"  # noqa: S608
            ).fetchone()
            if row and row[0] == self.entries["id"] and row[1] > self.revision:
                raise OvertakenError(self._overtaken(session))

    def _overtaken(self, session: psycopg.Connection[Any]) -> str:
        found = read_row(session) or {}
        return (
            f"{session.info.host}:{session.info.port}/{session.info.dbname}: {found.get('runner', 'another runner')} has led this move on"
            f" since ({found.get('phase', 'unknown')}, {found.get('written', 'unknown')}); nothing was changed."
            " Mend: run the verb again, it begins with what is true now"
        )

    def adopt(self, end: Endpoint, found: Mapping[str, Any] | None, leads: bool = True) -> None:
        """Compare with what a server says; take over what another runner did, refuse somebody else's move. `leads`: and keep it."""
        if found is None:
            return
        if found["id"] == self.entries["id"]:
            if int(found["entries"].get("revision") or 0) > self.revision:
                self._take_over(found, leads)
            return
        if found["phase"] in ENDED:
            return
        if (found["source"], found["target"]) != (self.source, self.target):
            raise MigrationError(
                f"{end.side} {end.label} is part of another move, from {found['source']} to {found['target']}, by {found['runner']},"
                f" {found['phase']} since {found['written']}. Mend: finish that one first (migration_step=finish)"
            )
        if self.active:
            raise MigrationError(
                f"this runner's journal {self.folder} and {end.label} tell of two different moves of the same databases"
                f" (here {self.phase}, there {found['phase']} by {found['runner']}). Mend: run on {found['runner']}, or move the folder away"
            )
        self._take_over(found, leads)

    def _take_over(self, found: Mapping[str, Any], leads: bool) -> None:
        self.entries = dict(found["entries"])
        if leads:
            self.save()

    def known_to(self, rows: Sequence[Mapping[str, Any] | None]) -> bool:
        """Do servers that answered still have the mark of this move? `finish` takes it away, here or on another runner."""
        told = not rows or any(row is not None for row in rows)
        return told or not self.active or self.phase == SEEDING or "ending" in self.entries

    @contextlib.contextmanager
    def opened(self, patience: float, leads: bool = True) -> Iterator[None]:
        """Locked here and on both servers, loaded and agreed with them. `leads`: not only looked at."""
        with self.locked(patience, makes=leads), fence.hold(
            (self.ends.source, self.ends.target), self.names.application, self.runner, patience
        ) as sessions:  # fmt: skip
            self.agree(sessions, leads)
            yield

    def agree(self, sessions: fence.Sessions, leads: bool = True) -> None:
        """What is true now, from the servers where we hold the lock; and that it is ours from here on."""
        rows = {side: read_row(session) for side, session in sessions.items()}
        for end in (self.ends.source, self.ends.target):
            self.adopt(end, rows.get(end.side), leads)
        if "target" in rows and not self.known_to(list(rows.values())):
            raise MigrationError(
                f"this runner's journal {self.folder} is {self.phase}, but no server has the mark of this move any more: another runner"
                " has finished it, or the databases were made anew. Nothing was changed. Mend: move the folder away"
            )
        for session in sessions.values():
            called = fence.name(self.names.application, self.runner)
            session.execute("SELECT pg_catalog.set_config('application_name', %s, false)", (called,))
        if leads and self.active:
            self.save(revision=self.revision + 1)
            self._mark([session for side, session in sessions.items() if rows[side] is not None])

    def _mark(self, sessions: Sequence[psycopg.Connection[Any]]) -> None:
        """On every server that is known to the move; one whose disk is full may lack it, as long as another one took it."""
        full = []
        for session in sessions:
            try:
                self.publish(session)
            except NoRoomError as error:
                full.append(error)
        if full and len(full) == len(sessions):
            raise full[0]


def _marked(session: psycopg.Connection[Any]) -> bool:
    there = session.execute("SELECT to_regclass(%s)", (f"{MARKER_SCHEMA}.state",)).fetchone()
    return there is not None and there[0] is not None


def read_state(end: Endpoint) -> dict[str, Any] | None:
    """The row that a move left on a server."""
    with connect(end, "platform_migration") as session:
        return read_row(session)


def read_row(session: psycopg.Connection[Any]) -> dict[str, Any] | None:
    if not _marked(session):
        return None
    row = session.execute(
        f"SELECT id::text, source, target, phase, runner, entries, to_char(written, 'YYYY-MM-DD HH24:MI:SSOF')"  # noqa: S608
        f" FROM {MARKER_SCHEMA}.state"
    ).fetchone()
    return (
        None
        if row is None
        else dict(zip(("id", "source", "target", "phase", "runner", "entries", "written"), row, strict=True))
    )
