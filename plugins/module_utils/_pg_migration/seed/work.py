"""The process that fills the target. It may be killed at any time and started again: the target's ledger says what is done."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgToolError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import extension_rows, large_objects
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    RewrittenError,
    SnapshotLostError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import read_tables
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import (
    build,
    clear,
    complaint,
    copy,
    facts,
    ledger,
    schema,
    snapshot,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import plan as plans
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.board import Board, StoppedError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.gauge import Gauge
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.throttle import Brake, Bucket
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.leg import forward

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg

TID_RANGES = 140000  # before this version a range of pages is found only by reading the whole table
LAP = 0.5


def application(context: Context) -> str:
    return f"{context.application}/seed"


class Worker:
    """One run of the seed's process."""

    def __init__(self, context: Context) -> None:
        self.context, self.settings = context, context.settings
        self.brake, self.bucket = Brake(context.settings.source_latency_limit), Bucket(context.settings.rate_limit)
        self.gauge = Gauge(context, self.brake)
        self.taken = str(snapshot.known(context).get("snapshot", ""))
        self.laps: dict[str, float] = {}
        self.board = Board([], [])
        self.mark: dict[str, Any] | None = None
        self.threads: list[threading.Thread] = []

    def run(self) -> dict[str, Any]:
        watcher = threading.Thread(target=self.gauge.run, daemon=True)
        watcher.start()
        try:
            with copy.session(self.context.ends.target, application(self.context)) as session:
                clear.leftovers(session, application(self.context))
                self._lap("schema", lambda: self._schema(session))
                self._lap("copy", lambda: self._until_copied(session))
                steps = ledger.to_build(session)
                for stage in plans.STAGES[1:]:
                    later = [step for step in steps if step.stage == stage]
                    self._lap(stage, partial(self._stage, stage, later))
                self._lap("sequences", lambda: build.sequences(self.context, session))
                self._lap("views", lambda: build.views(self.context, session, self.gauge))
                self._lap("large objects", lambda: self._objects(session))
                ledger.flush(session)
                totals = ledger.totals(session)
        finally:
            self.gauge.stop()
        self.gauge.step("seeded")
        return {"rows": totals["rows"], "bytes": totals["bytes"], "parts": totals["parts"], "laps": self.laps,
                large_objects.ENTRY: self.mark}  # fmt: skip

    def _lap(self, name: str, work: Callable[[], None]) -> None:
        began = time.monotonic()
        self.gauge.step(name)
        work()
        self.laps[name] = round(time.monotonic() - began, 2)

    def _objects(self, session: psycopg.Connection[Any]) -> None:
        """As they are now, since no dump brings them. What changes from here on is copied by the cutover."""
        with copy.session(self.context.ends.source, application(self.context)) as source:
            self.gauge.further(large_objects.size(source))
            carried = large_objects.carry(source, session, None, self._brought)
        self.mark = large_objects.noted(carried.mark, forward(self.context).direction)

    def _rows(self) -> int:
        return int(self.context.journal.entries.get("seed", {}).get("planned_rows", 0))

    def _schema(self, session: psycopg.Connection[Any]) -> None:
        """Tables and the plan, unless an earlier run has come so far."""
        move = str(self.context.journal.entries["id"])
        if ledger.snapshot(session, move) is not None:
            return
        ledger.forget(session)
        clear.claim(session, move)
        entries = schema.restore_first_half(self.context, session, self.taken)
        with copy.session(self.context.ends.source, application(self.context)) as source:
            copy.enter(source, self.taken)
            tables, owners = read_tables(source), facts.owners(source)
            analyzed = facts.analyzed(source)
            # Foreign keys are built after the copy, and may lead there.
            ledger.fills(session, move, extension_rows.empty(session, self.settings.left_extension_tables))
            extension_rows.carry(source, session, self.settings.left_extension_tables)
            files = facts.filenodes(source)
            parts = plans.parts(tables, self.settings.part_bytes, source.info.server_version >= TID_RANGES)
        parts = [replace(part, filenode=files.get(part.table.label)) for part in parts]
        steps = plans.steps(entries, owners, (table.label for table in tables))
        steps += plans.statistics(analyzed, (table.label for table in tables), len(entries))
        ledger.plan(session, move, self.taken, parts, steps)

    def _until_copied(self, session: psycopg.Connection[Any]) -> None:
        """A table that was rewritten meanwhile is copied anew, in the same snapshot: a rewriting keeps what that sees."""
        while True:
            parts, steps = ledger.to_copy(session), ledger.to_build(session)
            self.gauge.planned(ledger.totals(session), self._rows())
            self.board = Board(parts, steps)
            try:
                return self._copy_and_build(session, bool(parts))
            except RewrittenError as error:
                for thread in self.threads:
                    thread.join()
                clear.leftovers(session, application(self.context))
                print(error, flush=True)
                ledger.again(session, error.label, error.filenode)

    def _copy_and_build(self, session: psycopg.Connection[Any], reading: bool) -> None:
        jobs = max(1, self.settings.jobs)
        threads = [self._thread(self._build_lane) for _ in range(jobs)]
        threads += [self._thread(self._copy_lane) for _ in range(jobs if reading else 0)]
        self.threads = threads
        for thread in threads:
            thread.start()
        if not reading:
            self._all_read(session)
        while self.board.failure is None and (busy := [thread for thread in threads if thread.is_alive()]):
            self.gauge.steps_left = self.board.steps_left
            if not reading:
                busy[0].join(LAP)
            elif self.board.wait_for_copies(LAP):
                self._all_read(session)
                reading = False
        if self.board.failure is not None:
            raise self.board.failure
        if reading:
            self._all_read(session)

    def _all_read(self, session: psycopg.Connection[Any]) -> None:
        """Nothing needs the snapshot any more: once the rows are on the target's disk, the source may vacuum again."""
        ledger.flush(session)
        snapshot.release(self.context)

    def _thread(self, work: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                work()
            except StoppedError:
                return
            except BaseException as error:
                self.board.fail(error)

        return threading.Thread(target=guarded, daemon=True)

    def _copy_lane(self) -> None:
        with ExitStack() as stack:
            source = stack.enter_context(copy.session(self.context.ends.source, application(self.context)))
            target = stack.enter_context(copy.session(self.context.ends.target, application(self.context)))
            target.execute("SET synchronous_commit TO off")
            try:
                if not snapshot.usable(self.context):
                    raise SnapshotLostError(copy.lost("the process that kept the snapshot is gone"))
                copy.enter(source, self.taken)
            except SnapshotLostError:
                # The others were done before this one had connected, and the snapshot was released: nothing is left to read.
                if self.board.given_out:
                    return
                raise
            lane = copy.Lane(source, target, facts.columns(source), self._passed)
            while (part := self.board.next_part()) is not None:
                self.gauge.passed(part, 0)
                rows, _ = copy.copy(lane, part)
                self.gauge.part_done(part, rows)
                self.board.part_done(part)

    def _passed(self, part: plans.Part, size: int) -> None:
        self.gauge.passed(part, size)
        self._gently(size)

    def _brought(self, size: int) -> None:
        self.gauge.brought(size)
        self._gently(size)

    def _gently(self, size: int) -> None:
        self.bucket.take(size)
        self.board.check()
        while not self.brake.wait():
            self.board.check()

    def _build_lane(self) -> None:
        with copy.session(self.context.ends.target, application(self.context)) as session:
            build.prepare(session, self.settings)
            while (step := self.board.next_step()) is not None:
                with self.gauge.building(step.title):
                    if build.build(session, step, may_wait=True):
                        self.board.step_done(step)
                    else:
                        self.board.defer(step)

    def _stage(self, stage: str, steps: list[plans.Step]) -> None:
        if stage == plans.AFTER:
            steps = steps + self.board.deferred
        self.gauge.steps_left = len(steps)
        build.stage(self.context, application(self.context), steps, stage in plans.PARALLEL, self.gauge)


def work(context: Context, arguments: dict[str, Any]) -> dict[str, Any]:
    """In the started process."""
    try:
        return Worker(context).run()
    except PgToolError as error:
        raise complaint.tool(error) from None
    except psycopg.Error as error:
        raise complaint.other(error) from None
