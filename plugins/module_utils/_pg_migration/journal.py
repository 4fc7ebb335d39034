"""The journal of a move: a file on the runner, and a copy of its phase on both servers.

A runner that is lost loses only the file: another one finds the move on the source and goes on.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError
from ansible_collections.tiketi.platform.plugins.module_utils._pg.journal import MoveJournal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import (
    ABANDONED,
    FINISHED,
    MARKER_SCHEMA,
    NEW,
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

    def phase_is(self, phase: str, **changes: Any) -> None:
        """Write the phase down where every later run will look: here, and on both servers."""
        self.save(phase=phase, **changes)
        for end in (self.ends.source, self.ends.target):
            # After a cutover the old server may be gone, before it the new one may be: the file is the master.
            with contextlib.suppress(PgConnectError), connect(end, self.names.application) as session:
                self.publish(session)

    def publish(self, session: psycopg.Connection[Any]) -> None:
        """Copy the phase to one server. Also while that server is read only by default."""
        with session.transaction():
            session.execute("SET LOCAL transaction_read_only TO off")
            session.execute("SET LOCAL client_min_messages TO warning")
            session.execute(STATE)
            session.execute(
                f"INSERT INTO {MARKER_SCHEMA}.state (id, source, target, phase, runner, entries)"  # noqa: S608 - a constant
                " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (one) DO UPDATE SET (id, source, target, phase, runner, entries, written)"
                " = (EXCLUDED.id, EXCLUDED.source, EXCLUDED.target, EXCLUDED.phase, EXCLUDED.runner, EXCLUDED.entries, clock_timestamp())",
                (self.entries["id"], self.source, self.target, self.phase, self.runner, json.dumps(self.entries)),
            )

    def adopt(self, end: Endpoint) -> None:
        """Compare with what a server says; take over a move whose runner was lost, refuse somebody else's."""
        found = read_state(end)
        if found is None or found["phase"] in ENDED or found["id"] == self.entries["id"]:
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
        self.entries = dict(found["entries"])
        self.save()

    @contextlib.contextmanager
    def opened(self, patience: float) -> Iterator[None]:
        """Locked, loaded and agreed with both servers."""
        with self.locked(patience):
            for end in (self.ends.source, self.ends.target):
                with contextlib.suppress(PgConnectError):
                    self.adopt(end)
            yield


def read_state(end: Endpoint) -> dict[str, Any] | None:
    """The row that a move left on a server."""
    with connect(end, "platform_migration") as session:
        there = session.execute("SELECT to_regclass(%s)", (f"{MARKER_SCHEMA}.state",)).fetchone()
        if there is None or there[0] is None:
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
