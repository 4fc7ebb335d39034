"""The three steps of a move, each from a journal's phase to the next."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError, PgToolError
from ansible_collections.tiketi.platform.plugins.module_utils._pg.tools import client_environment, find_client, run
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import compare, manifest, plan, target, toc
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.errors import VerificationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import (
    DUMPED,
    FINISHED,
    MARKER_SCHEMA,
    NEW,
    REJECTED,
    RESTORED,
    RESTORING,
    Manifest,
    Options,
    Source,
    Target,
)

# Not moved: what needs a superuser, what names the old server's roles, and our own schema of an earlier move.
DUMP_OPTIONS = ("--format=directory", "--compress=0", "--blobs", "--no-sync", f"--exclude-schema={MARKER_SCHEMA}")
RESTORE_OPTIONS = (
    "--exit-on-error",
    "--no-owner",
    "--no-acl",
    "--no-tablespaces",
    "--no-publications",
    "--no-subscriptions",
    "--no-security-labels",
)
SECTIONS = ("pre-data", "data", "post-data")


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*") if path.is_file())


class Stopwatch:
    """Seconds between one call and the next."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name], self._last = round(now - self._last, 2), now


class Mover:
    """One move: its two ends, its journal and what the caller chose."""

    def __init__(self, source: Endpoint, destination: Endpoint, journal: Journal, options: Options) -> None:
        self.source, self.target, self.journal, self.options = source, destination, journal, options

    @property
    def application(self) -> str:
        return f"platform_restore/{self.journal.entries['id'][:8]}"

    def client(self, major: int) -> Path:
        folder, found = find_client(major, self.options.client_folder)
        if folder is None:
            raise PgError(
                f"the runner's PostgreSQL client is {found or 'missing'}, {major} is needed. Mend: run role data_runner"
            )
        return folder

    def begin(self, identity: str, phase: str) -> None:
        """Write down where this run starts from; a fresh start forgets the last one's findings."""
        self.journal.save(identity=identity, phase=phase, **({"steps": []} if phase == NEW else {}))

    def dump(self, source: Source, destination: Target) -> dict[str, Any]:
        """Dump and look at the source in one snapshot, so that both tell of the same moment."""
        journal, jobs, began = self.journal, self.options.jobs, time.time()
        journal.drop_dump()
        (journal.folder / "manifest.json").unlink(missing_ok=True)
        slow = manifest.slow(source.server, destination.server)
        pg_dump = str(self.client(destination.server.major) / "pg_dump")
        with (
            connect(self.source, self.application) as holder,
            client_environment(journal.folder, self.source, self.application) as environment,
            ThreadPoolExecutor(1) as beside,
        ):
            holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            snapshot = str((holder.execute("SELECT pg_export_snapshot()").fetchone() or ("",))[0])
            seen = beside.submit(manifest.read, self.source, self.application, plan.beside(jobs), snapshot, None, slow)
            arguments = [*DUMP_OPTIONS, f"--jobs={jobs}", f"--snapshot={snapshot}", f"--file={journal.dump}"]
            run(
                [pg_dump, *arguments, "--dbname=service=source"],
                environment,
                journal.folder / "dump.log",
                lambda: journal.progress(plan.DUMP, began, folder_bytes(journal.dump)),
            )
            found = seen.result()
        journal.save_manifest(found)
        return self._done(plan.DUMP, began, folder_bytes(journal.dump), DUMPED)

    def restore(self, source: Source, destination: Target) -> dict[str, Any]:
        """Fill the target; whatever goes wrong on the way leaves it marked as unfinished."""
        journal, began, parts = self.journal, time.time(), Stopwatch()
        pg_restore = str(self.client(destination.server.major) / "pg_restore")
        with connect(self.target, self.application) as session:
            target.stop_leftovers(session, self.application)
            target.mark(session, journal.entries["id"], self.source.label, journal.entries["identity"], RESTORING)
            journal.save(phase=RESTORING)
            target.clear(session)
            target.add_extensions(session, source.server.extensions)
            present, foreign = target.schemas(session)
            self._write_list(pg_restore, dict(source.server.schemas), present, foreign)
            options = f"-c maintenance_work_mem={self.options.maintenance_work_mem} -c synchronous_commit=off"
            with client_environment(journal.folder, self.target, self.application, options) as environment:
                for section in SECTIONS:
                    self._restore_section(pg_restore, section, environment, self._watch(session, began))
                    parts.lap(section)
            target.analyze(self.target, self.application, self.options.jobs)
            parts.lap("analyze")
            size = self._size(session)
            target.mark(session, journal.entries["id"], self.source.label, journal.entries["identity"], RESTORED)
        return self._done(plan.RESTORE, began, size, RESTORED, parts.laps)

    def verify(self, again: bool = False) -> dict[str, Any]:
        """Compare both sides with what the dump's snapshot held; only then is the move finished."""
        journal, began = self.journal, time.time()
        expected = journal.manifest()
        if expected is None:
            raise PgError(
                f"{journal.folder}/manifest.json is gone, nothing can be proved. Mend: verify on the runner that made the copy"
            )
        found, now = self._look(expected, again)
        drifted = [] if now is None else compare.drift(expected, now)
        tolerated = drifted if self.options.source_writes == "allow" else []
        wrong = compare.differences(expected, found)
        if drifted:  # a sequence is not part of a snapshot: on a living source it has moved on
            wrong = [difference for difference in wrong if difference not in compare.sequences(expected, found)]
        if wrong:
            self._reject(again, "the target is not what the source was", wrong)
        if drifted and not tolerated:
            self._reject(again, "the source was written to after the dump; stop the writers and run again", drifted)
        result = self._done(plan.VERIFY, began, 0, FINISHED if again else RESTORED)
        report = self.report(expected, tolerated, compare.notes(expected, found))
        if not again:
            if not self.options.keep_dump:
                journal.drop_dump()
            with connect(self.target, self.application) as session:
                target.mark_finished(session, journal.entries["id"], FINISHED, report)
            journal.save(phase=FINISHED, report=report)
        return {**result, "report": report, "notes": report["notes"]}

    def report(self, expected: Manifest, drifted: list[str], notes: list[str]) -> dict[str, Any]:
        entries = self.journal.entries
        return {
            "source": self.source.label,
            "source_tls_verified": self.source.verified,
            "target": self.target.label,
            "target_tls_verified": self.target.verified,
            "steps": entries["steps"],
            "rows": expected.rows,
            "tables": expected.tables,
            "sequences": expected.sequences,
            "large_objects": expected.large_objects,
            "objects": {kind: len(names) for kind, names in expected.objects.items()},
            "extensions": expected.extensions,
            "left_out": entries.get("left_out", []),
            "written_since": drifted,
            "notes": notes,
        }

    def _look(self, expected: Manifest, again: bool) -> tuple[Manifest, Manifest | None]:
        methods = {name: str(table["method"]) for name, table in expected.tables.items()}
        with ThreadPoolExecutor(2) as pool:
            there = pool.submit(manifest.read, self.target, self.application, self.options.jobs, "", methods)
            if again:  # long after the move the source may live on, or be gone
                return there.result(), None
            here = pool.submit(manifest.read, self.source, self.application, self.options.jobs, "", methods)
            return there.result(), here.result()

    def _reject(self, again: bool, headline: str, differences: list[str]) -> None:
        if not again:
            self.journal.save(phase=REJECTED)
            with connect(self.target, self.application) as session:
                target.mark(
                    session, self.journal.entries["id"], self.source.label, self.journal.entries["identity"], REJECTED
                )
            headline += " (the next run throws this copy away and makes a new one)"
        raise VerificationError(headline, differences)

    def _write_list(self, pg_restore: str, owners: dict[str, str], present: set[str], foreign: set[str]) -> None:
        listed = subprocess.run(
            [pg_restore, "--list", str(self.journal.dump)], capture_output=True, text=True, check=False
        )
        if listed.returncode:
            raise PgToolError(f"pg_restore --list: {listed.stderr.strip()}")
        keep, left_out = toc.filter_entries(listed.stdout.splitlines(), owners, present, foreign)
        chosen = self.journal.folder / "restore.list"
        chosen.touch(mode=0o600)
        chosen.write_text("\n".join(keep) + "\n", encoding="utf-8")
        self.journal.save(left_out=left_out)

    def _restore_section(
        self, pg_restore: str, section: str, environment: dict[str, str], beat: Callable[[], None]
    ) -> None:
        journal = self.journal
        arguments = [
            *RESTORE_OPTIONS,
            f"--jobs={self.options.jobs}",
            f"--section={section}",
            f"--use-list={journal.folder}/restore.list",
        ]
        run(
            [pg_restore, *arguments, "--dbname=service=target", str(journal.dump)],
            environment,
            journal.folder / f"{section}.log",
            beat,
        )

    def _watch(self, session: Any, began: float) -> Callable[[], None]:
        return lambda: self.journal.progress(plan.RESTORE, began, self._size(session))

    @staticmethod
    def _size(session: Any) -> int:
        return int(session.execute("SELECT pg_database_size(current_database())").fetchone()[0])

    def _done(
        self, step: str, began: float, size: int, phase: str, parts: dict[str, float] | None = None
    ) -> dict[str, Any]:
        result = {"step": step, "seconds": round(time.time() - began, 2), "bytes": size, "parts": parts or {}}
        self.journal.record(result)
        self.journal.save(phase=phase)
        return result
