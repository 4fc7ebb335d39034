"""Comparing given rows: by their keys, one question for many, the same on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.pair import Pair
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.pgoutput import Key
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.subject import Subject, escaped

MISSING, EXTRA, DIFFERS = "missing", "extra", "differs"
NAMED = 20  # differing rows of which the columns are looked at

# The way by the index, whatever the planner thinks: its cost must follow the number of keys, not the size of the table.
BY_INDEX = (
    "enable_seqscan TO off",
    "enable_hashjoin TO off",
    "enable_mergejoin TO off",
    "max_parallel_workers_per_gather TO 0",
)


@dataclass(frozen=True)
class Difference:
    """One row that is not the same on both sides."""

    subject: Subject
    key: Key
    kind: str
    columns: tuple[str, ...] = ()

    def words(self, subscriber: str) -> str:
        row = f"table {self.subject.label}: row ({self.subject.key_words(self.key)})"
        if self.kind == MISSING:
            return f"{row} is missing on the {subscriber}"
        if self.kind == EXTRA:
            return f"{row} is on the {subscriber} only"
        return f"{row} differs" + (f" in {', '.join(self.columns)}" if self.columns else "")


def _from(subject: Subject) -> str:
    arrays = ", ".join("%s::text[]" for _ in subject.key)
    names = ", ".join(f"k{place}" for place in range(len(subject.key)))
    same = " AND ".join(
        f"a.{escaped(one.quoted)} = k.k{place}::{escaped(one.type)}" for place, one in enumerate(subject.key)
    )
    return f"FROM unnest({arrays}) WITH ORDINALITY AS k({names}, at) JOIN {escaped(subject.from_)} ON {same}"


def _values(keys: Sequence[Key]) -> list[list[str | None]]:
    return [list(column) for column in zip(*keys, strict=True)]


def equal(pair: Pair, subject: Subject, keys: Sequence[Key]) -> bool:
    """Are these rows the same, absent ones included? One number from each side."""
    text = f"SELECT count(*), coalesce(sum({escaped(subject.hash)}), 0)::text {_from(subject)}"
    here, there = pair.both(text, _values(keys))
    return here == there


def differing(pair: Pair, subject: Subject, keys: Sequence[Key]) -> list[Difference]:
    """Which of these rows are not the same."""
    text = f"SELECT k.at, {escaped(subject.hash)} {_from(subject)}"
    sides: list[dict[int, int]] = [dict(rows) for rows in pair.both(text, _values(keys))]
    here, there = sides
    found = []
    for at in sorted(here.keys() | there.keys()):
        if here.get(at) != there.get(at) or (at in here) != (at in there):
            kind = MISSING if at not in there else EXTRA if at not in here else DIFFERS
            found.append(Difference(subject, keys[at - 1], kind))
    return found


def with_columns(pair: Pair, found: Iterable[Difference], most: int = NAMED) -> list[Difference]:
    """Say of the first ones in which columns they differ; never what stands in them."""
    named = []
    for place, one in enumerate(found):
        named.append(one if place >= most or one.kind != DIFFERS else _named(pair, one))
    return named


def _named(pair: Pair, one: Difference) -> Difference:
    subject = one.subject
    # NULL is not the empty text: the mark in front tells them apart.
    hashes = ", ".join(
        subject.text_hash(
            f"CASE WHEN a.{name} IS NOT DISTINCT FROM NULL THEN '' ELSE '=' || format('%%s', a.{name}) END"
        )
        for name in (escaped(column.quoted) for column in subject.columns)
    )
    here, there = pair.both(f"SELECT ARRAY[{hashes}] {_from(subject)}", _values([one.key]))
    if not here or not there:
        return one
    names = (column.quoted for column, a, b in zip(subject.columns, here[0][0], there[0][0], strict=True) if a != b)
    return Difference(subject, one.key, one.kind, tuple(names))
