"""The verb: compare everything while users work. What changes meanwhile is set aside and compared in the freeze."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError, PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import large_objects, launch, return_health
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    DifferenceError,
    RefusedError,
    StillRunningError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import FOLLOWING, SWITCHED, Progress
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.estimate import verify_seconds
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.status import out_of_order
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import changes, objects, report
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.compare import Comparison
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.foresee import (
    COLUMN_RATE,
    TEXT_RATE,
    collected,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.freeze import (
    frozen,
    full,
    subjects_of,
    unusable,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.keys import Keys
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.leg import (
    Leg,
    backward,
    current,
    forward,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.rows import Difference
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.subject import Subject
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.manifest import COLUMNS

COLLECT_PAUSE = 10.0  # seconds between two readings of the slot while a long comparison runs
SHOW_PAUSE = 1.0
SHOWN = 3  # tables in a line of progress
WHAT = "verify"
HEARD = 60.0  # seconds in which whoever waits comes for the result of a process
GENTLE = ("max_parallel_workers_per_gather TO 0",)  # users work on these servers meanwhile

__all__ = ["abandon", "collect", "frozen", "full", "run"]


def run(context: Context, check: bool) -> dict[str, Any]:
    phase = context.journal.phase
    if phase not in (FOLLOWING, SWITCHED):
        raise out_of_order("verify", phase)
    leg = current(context)
    if phase == SWITCHED:
        _refuse_without_way_back(context)
    if check:
        return _foreseen(context, *subjects_of(leg))
    outcome = _detached(context, leg) if context.settings.attach else compare(context)
    if outcome is None:
        return _running(context)
    if outcome["differences"]:
        raise DifferenceError(
            f"{leg.subscriber.side} and {leg.publisher.side} differ, see {report.path(context.journal)}",
            outcome["differences"],
        )
    context.journal.record({"step": WHAT, "seconds": outcome["seconds"], "rows": outcome["rows"]})
    context.journal.save(**{large_objects.ENTRY: outcome[large_objects.ENTRY]})
    message = (
        f"{outcome['rows']} rows in {len(outcome['tables'])} tables are the same on both sides, {outcome['seconds']:.1f} s;"
        f" {outcome['set_aside']} rows changed meanwhile and are compared in the freeze;"
        f" report: {report.path(context.journal)}"
    )
    return {
        "changed": False,
        "phase": phase,
        "message": message,
        "notices": outcome["notices"],
        "report": outcome,
    }


def compare(context: Context, _arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The comparison itself, in whichever process; differences are in the result."""
    leg = current(context)
    tables, faults = subjects_of(leg)
    keys, began = Keys(context.journal.folder), time.monotonic()
    try:
        outcome = _compare(context, leg, keys, tables, faults, began)
    except BaseException:
        # Nobody will ask for what a broken comparison left, and its slot would hold WAL.
        keys.close()
        with contextlib.suppress(PgError):
            abandon(context)
        raise
    keys.close()
    if outcome["differences"]:
        abandon(context)
    return outcome


def unit(context: Context) -> launch.Unit:
    return launch.Unit(context, WHAT)


def _detached(context: Context, leg: Leg) -> dict[str, Any] | None:
    """In a process that outlives this run, as the seed does; None while it goes on. What one run began another may wait for."""
    if not launch.alive(unit(context)) and not _waiting(context, leg):
        launch.start(unit(context), compare)
    try:
        outcome = launch.attach(unit(context), patience=context.settings.attach)
    except StillRunningError:
        return None
    except PgError:
        launch.forget(unit(context))
        raise
    launch.forget(unit(context))
    return outcome


def _waiting(context: Context, leg: Leg) -> bool:
    """A comparison has ended that nobody was told of yet: just now, or it was complete and still holds."""
    result = unit(context).result()
    if result is None:
        return False
    if launch.age(unit(context)) < HEARD:
        return True
    keys = Keys(context.journal.folder)
    try:
        return bool(result["ok"]) and not unusable(context, leg, keys)
    finally:
        keys.close()


def _running(context: Context) -> dict[str, Any]:
    """For a caller that shows the progress and comes again."""
    return {
        "changed": False,
        "phase": context.journal.phase,
        "message": f"{unit(context).name} goes on without this run; the same verb waits for it",
        "notices": [],
        "running": True,
        "progress": context.journal.read("progress.json") or {},
    }


def _refuse_without_way_back(context: Context) -> None:
    with context.source() as source, context.target() as target:
        problems = return_health.read(context, source, target).problems
    if problems:
        raise RefusedError("nothing can be compared, the source does not follow", problems)


def _compare(
    context: Context, leg: Leg, keys: Keys, tables: list[Subject], faults: list[str], began: float
) -> dict[str, Any]:
    abandon(context)
    columns = [(one.schema, one.name, [column.name for column in one.key]) for one in tables]
    keys.begin(move=context.journal.entries["id"], direction=leg.direction, columns=columns, complete=False)
    position = changes.create(leg)
    changes.wait_applied(leg, position, context.settings.follow_timeout)
    reader = changes.Changes(leg, keys, {(schema, name): tuple(key) for schema, name, key in columns})

    def judge(waiting: Sequence[Difference]) -> list[Difference]:
        reader.collect()
        return [one for one in waiting if not _changed(keys, one)]

    comparison = Comparison(leg, tables, judge)
    progress = Progress(
        WHAT, time.time(), total_bytes=sum(one.bytes for one in tables), total_rows=sum(one.rows for one in tables)
    )

    shown = [0.0]
    showing = Lock()

    def between() -> None:
        reader.collect_now_and_then(COLLECT_PAUSE)
        with showing:
            if time.monotonic() - shown[0] > SHOW_PAUSE:
                _show(context, progress, comparison)
                shown[0] = time.monotonic()

    comparison.between = between
    comparison.run(context.settings.jobs, *GENTLE)
    _show_rest(context, progress, comparison)
    reader.collect()
    again = _keyless(comparison, keys)
    notices = report.unverified(context.ends) + _slow_in_freeze(comparison, again)
    with context.source() as here, context.target() as there:
        source, target = objects.read(here), objects.read(there)
        sides = (here, there) if leg.publisher.side == "source" else (there, here)
        since = large_objects.known(context.journal.entries.get(large_objects.ENTRY), leg.direction)
        proof = large_objects.prove(*sides, since, lambda: reader.collect_now_and_then(COLLECT_PAUSE))
    notices += large_objects.notices(proof)
    notices += objects.notices(source, target)
    differences = faults + comparison.faults() + objects.differences(source, target)
    differences += large_objects.words(proof.faults, leg.subscriber.side)
    keys.note(complete=not differences, whole_again=again, began_at=changes.text_lsn(position))
    outcome = report.of(context, leg, comparison, differences, notices, time.monotonic() - began)
    outcome[large_objects.ENTRY] = large_objects.noted(proof.mark, leg.direction)
    report.write(context.journal, outcome)
    return outcome


def _changed(keys: Keys, one: Difference) -> bool:
    table = one.subject
    return keys.holds(table.schema, table.name, one.key) or keys.whole(table.schema, table.name)


def _keyless(comparison: Comparison, keys: Keys) -> list[str]:
    """A table without a key that differs may be on its way, if anything in it changed; else it is a fault."""
    again = []
    for one in comparison.results.values():
        if not one.subject.key and keys.touched(one.subject.schema, one.subject.name):
            one.whole_again = True
            one.faults = []
        if one.whole_again and not one.faults:
            again.append(one.subject.label)
    return again


def _slow_in_freeze(comparison: Comparison, again: Sequence[str]) -> list[str]:
    return [
        f"table {label} has no key and changes: it is compared as a whole in the freeze, about"
        f" {comparison.results[label].seconds:.1f} s"
        for label in again
    ]


def _show(context: Context, progress: Progress, comparison: Comparison) -> None:
    found = list(comparison.results.values())
    progress.done_bytes = sum(one.done_bytes for one in found)
    progress.done_rows = sum(one.rows[0] for one in found)
    begun = [one.subject.label for one in found if one.left]
    progress.note = ", ".join(begun[:SHOWN]) + (", ..." if len(begun) > SHOWN else "")
    seconds = time.time() - progress.began
    progress.rate = progress.done_bytes / seconds if seconds else 0.0
    rest = progress.total_bytes - progress.done_bytes
    progress.eta = rest / progress.rate if progress.rate else None
    context.journal.progress(progress)


def _show_rest(context: Context, progress: Progress, comparison: Comparison) -> None:
    """All rows are compared; what comes after them is not counted in bytes."""
    _show(context, progress, comparison)
    progress.eta, progress.note = None, "definitions and large objects"
    context.journal.progress(progress)


def _foreseen(context: Context, tables: Sequence[Subject], faults: list[str]) -> dict[str, Any]:
    rates = {one.label: COLUMN_RATE if one.method == COLUMNS else TEXT_RATE for one in tables}
    # Bytes of rows that are compared as text count for as many of the others as take as long.
    seconds = verify_seconds(sum(one.bytes * COLUMN_RATE / rates[one.label] for one in tables))
    keyless = sum(one.bytes / rates[one.label] for one in tables if not one.key)
    return {
        "changed": False,
        "phase": context.journal.phase,
        "message": f"would compare {len(tables)} tables while users work, about {seconds:.0f} s;"
        f" up to {keyless:.1f} s of the freeze for tables without a key",
        "notices": faults,
        "estimate": {"seconds": round(seconds, 1), "freeze_seconds": round(keyless, 1)},
    }


def collect(context: Context) -> int:
    """Read the slot, so that the server can let go of its WAL and the freeze has less to read; 0 where there is none."""
    keys = Keys(context.journal.folder)
    try:
        return 0 if unusable(context, current(context), keys) else collected(context, keys)
    finally:
        keys.close()


def abandon(context: Context) -> bool:
    """Drop the slot on whichever side it is, and the keys; says whether there was anything."""
    keys = Keys(context.journal.folder)
    there = keys.present
    keys.remove()
    failed: list[PgError] = []
    for leg in (forward(context), backward(context)):
        try:
            there = changes.drop(leg) or there
        except PgConnectError as error:
            failed.append(error)
    if failed:
        raise failed[0]
    return there
