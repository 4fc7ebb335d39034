"""Where a move stands and which verbs lead on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._cutover import run as cutovers
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import probe, return_health, slot_age
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import OrderError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.journal import ENDED, Journal, read_state
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import (
    ABANDONED,
    ANEW,
    CUTTING,
    FINISHED,
    FOLLOWING,
    NEW,
    RESTART,
    RETURNED,
    RETURNING,
    SEEDED,
    SEEDING,
    SWITCHED,
)

# What takes a move to `switched`, where a site playbook leaves it: finish and rollback are a person's decision.
ONWARD = {
    NEW: ("preflight", "seed", "follow", "verify", "cutover"),
    ABANDONED: ("preflight", "seed", "follow", "verify", "cutover"),
    SEEDING: ("seed", "follow", "verify", "cutover"),
    SEEDED: ("follow", "verify", "cutover"),
    FOLLOWING: ("follow", "verify", "cutover"),
    CUTTING: ("cutover",),
    SWITCHED: (),
    FINISHED: (),
    RETURNING: ("rollback",),
    RETURNED: (),
}
WAITED_FOR = (SEEDING, SEEDED, FOLLOWING, CUTTING)  # phases in which the source keeps WAL for the target
WORDS = {
    NEW: "nothing was moved yet",
    ABANDONED: f"a move was given up, applications write to the source; seed with {RESTART} begins another one, on an empty target",
    SEEDING: "the copy of the snapshot is not complete; applications write to the source",
    SEEDED: "the snapshot is copied; applications write to the source",
    FOLLOWING: "the target follows; applications write to the source",
    CUTTING: "a cutover was interrupted; the same verb goes on or calls it off",
    SWITCHED: "applications write to the target, and the source follows it; next: finish, or rollback",
    RETURNING: "a rollback was interrupted; the same verb goes on",
    RETURNED: f"applications write to the source again; next: finish, or for a new move {ANEW}",
    FINISHED: "applications write to the target, and nothing of the move is left on the servers",
}


def out_of_order(verb: str, phase: str) -> OrderError:
    """What is done, and what comes next."""
    onward = ONWARD[phase]
    if not onward:
        mend = (
            "nothing is left to do" if phase == FINISHED else "finish, or rollback" if phase == SWITCHED else "finish"
        )
    else:
        mend = f"{onward[0]} comes next" + (f", then {', '.join(onward[1:])}" if onward[1:] else "")
    return OrderError(f"{verb} cannot be done now, the move is {phase}: {WORDS[phase]}. Mend: {mend}")


def look(context: Context) -> dict[str, Any]:
    """Read only, and without the lock: a run in progress may be looked at."""
    journal = context.journal
    journal.load()
    notices: list[str] = []
    # Nobody needs the source of a finished move: it may be gone.
    ends = (context.ends.target,) if journal.phase == FINISHED else (context.ends.target, context.ends.source)
    rows = {}
    for end in ends:
        try:
            rows[end.side] = read_state(end)
        except PgConnectError as error:
            notices.append(str(error))
    for found in rows.values():
        if found and _later(journal, found):
            journal.entries = dict(found["entries"])
    if "target" in rows and not journal.known_to(list(rows.values())):
        notices.append(
            f"this runner's journal says {journal.phase}, but no server has the mark of the move any more:"
            f" another runner has finished it. Mend: move {journal.folder} away"
        )
    phase = journal.phase
    way_back = _way_back(context, notices) if phase == SWITCHED else None
    slot = _slot(context) if phase in WAITED_FOR and "source" in rows else {}
    return {
        "changed": False,
        "phase": phase,
        "message": f"{phase}: {_under_way(journal) or WORDS[phase]}"
        + (f"; {slot_age.words(slot)}" if slot else "")
        + (f"; the source is {way_back['lag_bytes']} bytes behind" if way_back else ""),
        "remaining": list(ONWARD[phase]),
        "folder": str(journal.folder),
        "steps": list(journal.entries["steps"]),
        "progress": journal.read("progress.json") or {},
        "way_back": way_back or {},
        "slot": slot,
        "notices": notices,
    }


def _under_way(journal: Journal) -> str:
    """What a run of now does that moves writers; empty where none does."""
    verb = {CUTTING: "cutover", RETURNING: "rollback"}.get(journal.phase, "")
    held = journal.held() if verb else ""
    if not held:
        return ""
    step = str((journal.entries.get(verb) or {}).get("step", ""))
    told = journal.read("progress.json") or {}
    # While users work; in the freeze nothing more is told than the step.
    words = f", {told['note']}" if step == cutovers.PREPARING and told.get("step") == verb else ""
    return f"a {verb} is under way ({held}): {step}{words}"


def _slot(context: Context) -> dict[str, Any]:
    try:
        with context.source() as source:
            return slot_age.read(context, source)
    except PgConnectError:
        return {}  # it was reached a moment ago, and is said to be gone by whatever needs it


def _later(journal: Journal, found: Mapping[str, Any]) -> bool:
    """Does a server know more of this move than the file here, which another runner may have overtaken?"""
    if found["id"] == journal.entries["id"]:
        return int(found["entries"].get("revision") or 0) > journal.revision
    same = (found["source"], found["target"]) == (journal.source, journal.target)
    return same and not journal.active and (found["phase"] not in ENDED or journal.phase == NEW)


def _way_back(context: Context, notices: list[str]) -> dict[str, Any] | None:
    """A way back that broke is said by every run, not only by the one that needs it."""
    try:
        with context.source() as source, context.target() as target:
            found = return_health.read(context, source, target)
            if found.enabled and not found.connected:
                why = probe.reason(source, "returner", context.ends.returner, context.ends.target.dbname)
                found = replace(found, reason=why and f"The source says: {why}")
    except PgConnectError as error:
        notices.append(f"the way back cannot be looked at: {error}")
        return None
    notices += found.notices
    return found.facts()
