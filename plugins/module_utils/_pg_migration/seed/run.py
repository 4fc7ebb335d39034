"""The verb: make the slot once, start the process that copies, wait for it. Given again, it goes on or says why not."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    facts,
    guard,
    identity,
    large_objects,
    launch,
    shape,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    OrderError,
    RefusedError,
    SlotLostError,
    SnapshotLostError,
    StillRunningError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.journal import ENDED, Journal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import NEW, RESTART, SEEDED, SEEDING
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import run as preflight
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import weight
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import (
    clear,
    copy,
    ledger,
    snapshot,
    work,
)

WHAT = "seed"
MIB = 1024**2
NOTICES = (
    "rows of unlogged tables, and large objects that change after the seed, are copied in the freeze of the cutover",
)


@dataclass(frozen=True)
class State:
    """How far the target's own ledger is."""

    planned: bool
    parts_left: int
    copied: bool  # at least one part
    rows: int
    bytes: int

    @property
    def reading(self) -> bool:
        """The snapshot is still needed."""
        return not self.planned or self.parts_left > 0


def unit(context: Context) -> launch.Unit:
    return launch.Unit(context, WHAT)


def run(context: Context, check: bool) -> dict[str, Any]:
    phase = _phase(context)
    if phase not in (NEW, SEEDING):
        return {"changed": False, "phase": phase, "message": f"already seeded ({phase})", "notices": []}
    if check:
        return _planned(context, phase)
    notices = list(NOTICES)
    began = time.time()
    if phase == SEEDING and context.settings.restart:
        _give_up(context)
    if not launch.alive(unit(context)):
        notices += _prepare(context, phase)
        launch.start(unit(context), work.work)
    try:
        done = launch.attach(unit(context), patience=context.settings.attach or float("inf"))
    except StillRunningError:
        return _running(context, notices)
    context.journal.record(
        {"step": WHAT, "seconds": round(time.time() - began, 2), "bytes": done["bytes"], "parts": done["laps"]}
    )
    objects = {large_objects.ENTRY: done.pop(large_objects.ENTRY, None)}
    context.journal.phase_is(SEEDED, seed={**context.journal.entries.get("seed", {}), **done}, **objects)
    message = f"seeded: {done['rows']} rows in {done['parts']} parts, {done['bytes'] / MIB:.0f} MiB, {sum(done['laps'].values()):.1f} s"
    return {"changed": True, "phase": SEEDED, "message": message, "notices": notices, "seed": done}


def _running(context: Context, notices: list[str]) -> dict[str, Any]:
    """For a caller that shows the progress and comes again."""
    progress = context.journal.read("progress.json") or {}
    message = f"{unit(context).name} goes on without this run; the same verb waits for it"
    result = {"changed": True, "phase": SEEDING, "message": message, "notices": notices}
    return {**result, "running": True, "progress": progress}


def _phase(context: Context) -> str:
    """A move that has ended may be followed by another one, when that is asked for."""
    journal = context.journal
    if journal.phase in ENDED and journal.phase != NEW:
        if not context.settings.restart:
            raise OrderError(
                f"this move is {journal.phase}. Mend: nothing is left to do; {RESTART} begins another one, on an empty target"
            )
        journal.entries = Journal(journal.folder.parent, context.ends, journal.runner).entries
    return journal.phase


def _state(context: Context) -> State:
    with context.target() as session:
        if ledger.snapshot(session, str(context.journal.entries["id"])) is None:
            return State(False, 0, False, 0, 0)
        totals = ledger.totals(session)
    return State(True, totals["parts_left"], totals["parts_left"] < totals["parts"], totals["rows"], totals["bytes"])


def _slot(context: Context) -> str:
    """`wal_status` of the slot, empty when it is not there."""
    with context.source() as session:
        row = session.execute(snapshot.SLOT, (context.names.slot,)).fetchone()
    return str(row[1] or "reserved") if row else ""


def _prepare(context: Context, phase: str) -> list[str]:
    """Everything that must be before the first row; nothing that is there is made again."""
    if phase == NEW:
        _preflight(context)
        context.journal.phase_is(SEEDING)
    state, slot = _state(context), _slot(context)
    if phase == SEEDING and not state.planned:
        _preflight(context)  # nothing is there yet, and what was looked at may have been another day's
    keeps = snapshot.usable(context) and bool(slot)
    if state.copied and slot == "lost":
        raise SlotLostError(
            copy.lost(f"the source has thrown WAL away that slot {context.names.slot} needs (max_slot_wal_keep_size)")
        )
    if state.copied and not slot:
        raise SlotLostError(copy.lost(f"slot {context.names.slot} is gone from the source"))
    if state.copied and state.reading and not keeps:
        raise SnapshotLostError(copy.lost("the process that kept the snapshot has ended before everything was read"))
    if state.copied or (keeps and slot != "lost" and not _came_late(context)):
        return []
    return _begin(context)


def _preflight(context: Context) -> None:
    fatal = [finding for finding in preflight.findings(context) if finding.fatal]
    if fatal:
        raise RefusedError("the move is not begun", fatal)


def _begin(context: Context) -> list[str]:
    """Identities and publication, then the guard, then the slot: no DDL and no change gets in between."""
    notices = identity.ensure(context)
    guard.install(context)
    with context.target() as session:
        clear.leftovers(session, work.application(context))
        ledger.forget(session)
    made = snapshot.create(context)
    if _came_late(context):
        notices = list(dict.fromkeys([*notices, *identity.ensure(context)]))
        made = snapshot.create(context)
    with context.source() as session:
        rows = sum(table.rows for table in facts.read_tables(session))
    context.journal.save(
        seed={"snapshot": made["snapshot"], "lsn": made["lsn"], "planned_rows": rows, "made_at": time.time()}
    )
    return notices


def _came_late(context: Context) -> list[str]:
    """Tables that a transaction of before the guard made, and committed while the slot waited for it: of these the slot would tell nothing."""
    with context.source() as session:
        return shape.unpublished(session, context.names.publication, shape.read(session))


def _give_up(context: Context) -> None:
    """What was copied belongs to a moment that is gone."""
    launch.stop(unit(context))
    snapshot.drop(context)
    with context.target() as session:
        clear.leftovers(session, work.application(context))
        ledger.forget(session)
        clear.content(session, str(context.journal.entries["id"]))
        clear.rows(session, str(context.journal.entries["id"]))


def _planned(context: Context, phase: str) -> dict[str, Any]:
    with context.source() as session:
        expected = weight.estimated(session, context.settings)
    seconds, freeze = round(expected["seed_seconds"]), expected["freeze_seconds"]
    message = (
        f"to copy: {expected['tables']} tables, {expected['bytes'] / MIB:.0f} MiB, about {expected['rows']} rows, about {seconds} s;"
        f" then about {expected['verify_seconds']:.0f} s to compare them, and a freeze of about {freeze:.1f} s to move the writers"
    )
    state = State(False, 0, False, 0, 0)
    if phase == SEEDING:
        with contextlib.suppress(Exception):
            state = _state(context)
        message += f"; {state.rows} rows of it are there" if state.copied else ""
    return {"changed": True, "phase": phase, "message": message, "notices": list(NOTICES),
            "estimate": {"seconds": seconds, **expected},
            "steps": ["identities", "publication", "guard", "slot", "schema", "copy", "indexes", "statistics", "foreign keys", "views"]}  # fmt: skip
