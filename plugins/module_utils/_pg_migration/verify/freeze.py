"""The comparison while nobody may write: only what changed since the online one, so that its time does not grow with the data."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import SlotLostError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import (
    changes,
    objects,
    report,
    rows,
    subject,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.compare import Comparison
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.keys import Keys
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.leg import Leg, current
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.pair import Pair, Stream, pair, share
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.pgoutput import Key
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.subject import Subject

IN_ONE = 1 << 62  # a range of so many rows is the whole table
KEYS_IN_ONE = 2_000
SHOWN = 50
# By the index a row costs about three times what it costs in a pass over the table.
INDEX_COST = 3


def frozen(context: Context) -> list[str]:
    """Differences in words; an empty list is the proof. To be called after the drain."""
    began = time.monotonic()
    leg, keys = current(context), Keys(context.journal.folder)
    try:
        if context.settings.verify == "full":
            return _full(context, leg, began, "asked for")
        why = unusable(context, leg, keys)
        if why:
            return _full(context, leg, began, why)
        try:
            return _changed(context, leg, keys, began)
        except SlotLostError as error:
            return _full(context, leg, began, str(error))
    finally:
        keys.close()


def full(context: Context) -> list[str]:
    """Everything; for a moment in which nobody writes."""
    return _full(context, current(context), time.monotonic(), "asked for")


def unusable(context: Context, leg: Leg, keys: Keys) -> str:
    """Why the online comparison does not help here; empty where it does."""
    about = keys.about()
    if not about.get("complete"):
        return "there was no complete online verification on this runner"
    if about.get("move") != context.journal.entries["id"] or about.get("direction") != leg.direction:
        return "the online verification was of another move or direction"
    return "" if changes.exists(leg) else f"slot {leg.verify_slot} is gone"


def subjects_of(leg: Leg, settled: bool = False) -> tuple[list[Subject], list[str]]:
    """Tables of both sides, and what forbids comparing. `settled`: everything else was carried over before."""
    with pair(leg) as sessions:
        found, faults, absent = subject.read(*sessions.sessions)
        faults += subject.unpublished(sessions.sessions[0], leg.publication, found)
        if settled and leg.publisher.side == "source":
            faults += objects.carried(*sessions.sessions)
    return found, faults + [words.format(subscriber=leg.subscriber.side) for words in absent]


def _changed(context: Context, leg: Leg, keys: Keys, began: float) -> list[str]:
    about = keys.about()
    columns = {(schema, name): tuple(key) for schema, name, key in about["columns"]}
    reader = changes.Changes(leg, keys, columns)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(reader.collect, False)
        tables, faults = subjects_of(leg, settled=True)
        reading.result()
    read_at = time.monotonic()
    by_key, whole = choose(tables, keys, set(about.get("whole_again", [])))
    found: list[rows.Difference] = []

    def look(sessions: Pair, item: tuple[Subject, list[Key]]) -> None:
        table, some = item
        if len(found) < SHOWN and not rows.equal(sessions, table, some):
            found.extend(rows.with_columns(sessions, rows.differing(sessions, table, some)))

    share(leg, context.settings.jobs, Stream(_batches(by_key, keys)), look, *rows.BY_INDEX)
    comparison = Comparison(leg, whole, lambda waiting: waiting)
    comparison.range_rows = IN_ONE
    if whole:
        comparison.run(context.settings.jobs)
    differences = faults + [one.words(leg.subscriber.side) for one in found] + comparison.faults()
    counts = keys.counts()
    report.add_frozen(
        context.journal,
        {
            "method": "changed",
            "why": "",
            "rows": sum(counts.get((one.schema, one.name), 0) for one in by_key),
            "whole_tables": [one.label for one in whole],
            "seconds": round(time.monotonic() - began, 3),
            "seconds_reading": round(read_at - began, 3),
            "differences": differences,
        },
    )
    return differences


def choose(tables: Sequence[Subject], keys: Keys, again: set[str]) -> tuple[list[Subject], list[Subject]]:
    """Tables to be compared by key, and as a whole. What did not change since it was found equal is neither."""
    counts = keys.counts()
    by_key, whole = [], []
    for one in tables:
        count = counts.get((one.schema, one.name), 0)
        if not one.key:
            if count or one.label in again:
                whole.append(one)
        elif count and (keys.whole(one.schema, one.name) or count * INDEX_COST > max(one.rows, 1000)):
            whole.append(one)
        elif count:
            by_key.append(one)
    return by_key, whole


def _batches(tables: Sequence[Subject], keys: Keys) -> Iterator[tuple[Subject, list[Key]]]:
    for one in tables:
        for some in keys.batches(one.schema, one.name, KEYS_IN_ONE):
            yield one, some


def _full(context: Context, leg: Leg, began: float, why: str) -> list[str]:
    tables, faults = subjects_of(leg, settled=True)
    comparison = Comparison(leg, tables, lambda waiting: waiting)
    comparison.range_rows = IN_ONE
    comparison.run(context.settings.jobs)
    with context.source() as here, context.target() as there:
        faults += objects.differences(objects.read(here), objects.read(there))
    differences = faults + comparison.faults()
    outcome: dict[str, Any] = {
        "method": "full",
        "why": why,
        "rows": sum(one.rows[0] for one in comparison.results.values()),
        "whole_tables": [one.label for one in tables],
        "seconds": round(time.monotonic() - began, 3),
        "differences": differences,
    }
    report.add_frozen(context.journal, outcome)
    return differences
