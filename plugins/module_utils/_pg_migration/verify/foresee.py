"""What the comparison in the freeze will cost: said before anybody is frozen, from what is known of the changes by then."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import SlotLostError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import changes
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.freeze import (
    choose,
    subjects_of,
    unusable,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.keys import Keys
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.leg import current
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.subject import Subject
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.manifest import COLUMNS

# Measured on one core of this machine's kind: hashing columns, and hashing the text of rows (bytes a second of one pair of sessions).
COLUMN_RATE, TEXT_RATE = 350e6, 120e6
KEY_RATE = 20_000.0  # rows a second that are looked up by their key on both sides
WAL_RATE = 50e6  # bytes of WAL a second that a slot reads
AT_REST = 1.0  # a reading of the slot that took less has caught up
READINGS = 5
MEND = "Mend: verify, then the same verb again; only what changes after it is compared in the freeze"
ASKED = "a full comparison is asked for"
MIB = 1024**2
SHOWN = 5


@dataclass(frozen=True)
class Foreseen:
    """Of the comparison alone."""

    keys: int = 0  # rows that changed, looked up by their key
    whole: tuple[str, ...] = ()  # tables that are compared as a whole
    bytes: int = 0  # of those
    wal_bytes: int = 0  # that the slot has to read
    seconds: float = 0.0
    why: str = ""  # nothing but a full comparison helps; empty where the online one does
    faults: list[str] = field(default_factory=list)  # what the comparison would not let pass, whatever the rows are

    def notices(self) -> list[str]:
        """What makes the freeze longer than it need be."""
        if not self.whole:
            return []
        more = f" and {len(self.whole) - SHOWN} more" if len(self.whole) > SHOWN else ""
        tables = f"{', '.join(self.whole[:SHOWN])}{more} ({self.bytes / MIB:.0f} MiB, about {self.seconds:.1f} s)"
        said = f"compared as a whole in the freeze: {tables}"
        if not self.why:
            return [said]
        return [f"{self.why}, so that everything is {said}" + ("" if self.why == ASKED else f". {MEND}")]

    def mendable(self, budget: float) -> list[str]:
        """Why the comparison does not fit, where another online one would help."""
        if self.why == ASKED:
            return []
        if self.why:
            return self.notices()
        return [
            f"the comparison in the freeze would take about {self.seconds:.1f} s, {budget:.1f} s are allowed: {self.keys} rows changed since"
            f" the online one{', ' + self.notices()[0] if self.whole else ''}. {MEND}"
        ]


def collected(context: Context, keys: Keys) -> int:
    """Read what piled up since `verify`, until what is left is little: in the freeze users would wait for it. Rows touched."""
    columns = {(schema, name): tuple(key) for schema, name, key in keys.about()["columns"]}
    reader = changes.Changes(current(context), keys, columns)
    total = 0
    for _ in range(READINGS):
        began = time.monotonic()
        total += reader.collect()
        if time.monotonic() - began < AT_REST:
            break
    return total


def comparison(context: Context, collect: bool) -> Foreseen:
    """`collect`: read the slot first. Without, nothing is changed anywhere and what was not read yet is guessed from the WAL."""
    leg, keys = current(context), Keys(context.journal.folder)
    try:
        tables, faults = subjects_of(leg)
        why = ASKED if context.settings.verify == "full" else unusable(context, leg, keys)
        if not why and collect:
            try:
                collected(context, keys)
            except SlotLostError as error:
                why = str(error)
        if why:
            return of(tables, [], 0, 0, why, faults)
        by_key, whole = choose(tables, keys, set(keys.about().get("whole_again", [])))
        counts = keys.counts()
        count = sum(counts.get((one.schema, one.name), 0) for one in by_key)
        return of(whole, by_key, count, changes.unread(leg), "", faults)
    finally:
        keys.close()


def of(
    whole: Sequence[Subject], by_key: Sequence[Subject], count: int, wal_bytes: int, why: str, faults: list[str]
) -> Foreseen:
    """Pure."""
    seconds = sum(one.bytes / (COLUMN_RATE if one.method == COLUMNS else TEXT_RATE) for one in whole)
    seconds += count / KEY_RATE + wal_bytes / WAL_RATE
    return Foreseen(
        keys=count,
        whole=tuple(one.label for one in whole),
        bytes=sum(one.bytes for one in whole),
        wal_bytes=wal_bytes,
        seconds=round(seconds, 2),
        why=why,
        faults=faults,
    )
