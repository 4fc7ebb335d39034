# ruff: noqa: S608 - names come quoted by the server itself
"""Cutting a table into ranges of its key, and asking both sides for the count and the sum of hashes of one.

The ranges come from the publisher and hold for both sides, as long as both sort the key alike. Where they do not (text under two
versions of a collation), rows are sorted into buckets by a hash of the key, which costs a pass over the whole table each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.pair import Pair, Rows
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.pgoutput import Key
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.subject import Subject, escaped

RANGE_ROWS = 50_000  # rows in one question while users work
LIST_ROWS = 10_000  # rows whose keys are fetched at once: a few MB
SAMPLES = 20  # sampled pages for each range, so that ranges become about even
PAGE = 8192
SPLIT = 8  # a range that differs is cut into so many
BUCKETS = 4096


@dataclass(frozen=True)
class Range:
    """Rows with low <= key < high; None is without end. Of a table without a key: all its rows."""

    subject: Subject
    low: Key | None = None
    high: Key | None = None

    def where(self) -> tuple[str, list[str | None]]:
        parts: list[str] = []
        values: list[str | None] = []
        for key, operator in ((self.low, ">="), (self.high, "<")):
            if key is not None:
                parts.append(self.subject.bound(operator))
                values += key
        return (" WHERE " + " AND ".join(parts) if parts else ""), values


@dataclass(frozen=True)
class Sums:
    """What both sides say of the same rows."""

    here: tuple[int, int]  # rows, sum of hashes
    there: tuple[int, int]

    @property
    def equal(self) -> bool:
        return self.here == self.there

    @property
    def most(self) -> int:
        return max(self.here[0], self.there[0])


def sums(pair: Pair, one: Range) -> Sums:
    where, values = one.where()
    text = (
        f"SELECT count(*), coalesce(sum({escaped(one.subject.hash)}), 0)::text FROM {escaped(one.subject.from_)}{where}"
    )
    here, there = pair.both(text, values)
    return Sums((int(here[0][0]), int(here[0][1])), (int(there[0][0]), int(there[0][1])))


def hashes(pair: Pair, one: Range) -> tuple[dict[Key, int], dict[Key, int]]:
    """Every key of a short range with the hash of its row."""
    where, values = one.where()
    subject = one.subject
    text = f"SELECT {escaped(subject.key_text)}, {escaped(subject.hash)} FROM {escaped(subject.from_)}{where}"
    here, there = pair.both(text, values)
    return {tuple(key): value for key, value in here}, {tuple(key): value for key, value in there}


def _cut(one: Range, step: str, sample: str, ask: Callable[[str, list[str | None]], Rows]) -> list[Range]:
    where, values = one.where()
    subject = one.subject
    keys = ", ".join(f"a.{escaped(column.quoted)} AS k{place}" for place, column in enumerate(subject.key))
    texts = ", ".join(f"format('%%s', k{place})" for place in range(len(subject.key)))
    text = (
        f"SELECT ARRAY[{texts}] FROM (SELECT {keys}, row_number() OVER (ORDER BY {escaped(subject.key_list)}) AS at,"
        f" count(*) OVER () AS total FROM {escaped(subject.from_)}{sample}{where}) AS rows"
        f" WHERE at %% greatest({step}, 1) = 0 AND at < total ORDER BY at"
    )
    cuts: list[Key] = [tuple(row[0]) for row in ask(text, values)]
    lows: list[Key | None] = [one.low, *cuts]
    highs: list[Key | None] = [*cuts, one.high]
    return [Range(subject, low, high) for low, high in zip(lows, highs, strict=True)]


def of_table(pair: Pair, subject: Subject, rows: int = RANGE_ROWS) -> list[Range]:
    """About even ranges, by a sample of the publisher's pages."""
    count = subject.rows // rows + 1
    if count == 1 or not subject.key or not subject.ordered:
        return [Range(subject)]
    share = min(100.0, 100.0 * count * SAMPLES * PAGE / max(subject.bytes, 1))
    return _cut(Range(subject), f"total / {count}", f" TABLESAMPLE SYSTEM ({share:.6f})", pair.publisher)


def split(pair: Pair, one: Range, found: Sums) -> list[Range]:
    """Even parts of a range that differs, as the side with more rows sees it."""
    ask = pair.publisher if found.here[0] >= found.there[0] else pair.subscriber
    return _cut(one, str(found.most // SPLIT), "", ask)


def _bucket(subject: Subject) -> str:
    return f"({subject.text_hash(escaped(subject.key_text) + '::text')} & {BUCKETS - 1})::int"


def bucket_sums(pair: Pair, subject: Subject) -> dict[int, Sums]:
    """One pass over each side; the buckets are small enough to be listed."""
    text = f"SELECT {_bucket(subject)}, count(*), sum({escaped(subject.hash)})::text FROM {escaped(subject.from_)} GROUP BY 1"
    here, there = pair.both(text, [])
    sides = [{row[0]: (int(row[1]), int(row[2])) for row in rows} for rows in (here, there)]
    return {
        bucket: Sums(sides[0].get(bucket, (0, 0)), sides[1].get(bucket, (0, 0)))
        for bucket in sides[0].keys() | sides[1].keys()
    }


def bucket_hashes(pair: Pair, subject: Subject, buckets: Sequence[int]) -> tuple[dict[Key, int], dict[Key, int]]:
    text = (
        f"SELECT {escaped(subject.key_text)}, {escaped(subject.hash)} FROM {escaped(subject.from_)}"
        f" WHERE {_bucket(subject)} = ANY (%s::int[])"
    )
    here, there = pair.both(text, [list(buckets)])
    return {tuple(key): value for key, value in here}, {tuple(key): value for key, value in there}


def portions(found: dict[int, Sums], most: int = LIST_ROWS) -> list[list[int]]:
    """The buckets that differ, in groups that are small enough to be fetched."""
    groups: list[list[int]] = []
    held = most + 1
    for bucket in sorted(found):
        if found[bucket].equal:
            continue
        if held + found[bucket].most > most:
            groups.append([])
            held = 0
        groups[-1].append(bucket)
        held += found[bucket].most
    return groups


def unlike(here: dict[Key, int], there: dict[Key, int]) -> list[Key]:
    return [
        key for key in here.keys() | there.keys() if here.get(key) != there.get(key) or (key in here) != (key in there)
    ]


def without_key(pair: Pair, subject: Subject, most: int = 5) -> str:
    """Where the rows of a table without a key differ: how many on each side, and where they lie."""
    bucket = f"({escaped(subject.hash)} & {BUCKETS - 1})::int"
    text = f"SELECT {bucket}, count(*), sum({escaped(subject.hash)})::text FROM {escaped(subject.from_)} GROUP BY 1"
    here, there = pair.both(text, [])
    buckets = sorted({row[0] for row in set(here) ^ set(there)})[:64]
    text = (
        f"SELECT {escaped(subject.hash)}, count(*), (array_agg(a.ctid::text))[1:{most}] FROM {escaped(subject.from_)}"
        f" WHERE {bucket} = ANY (%s::int[]) GROUP BY 1"
    )
    here, there = pair.both(text, [buckets])
    sides = [{row[0]: (int(row[1]), list(row[2])) for row in rows} for rows in (here, there)]
    words = []
    for own, other, side in (
        (sides[0], sides[1], pair.leg.publisher.side),
        (sides[1], sides[0], pair.leg.subscriber.side),
    ):
        count, places = 0, []
        for value, (many, at) in own.items():
            extra = many - other.get(value, (0, []))[0]
            if extra > 0:
                count += extra
                places += at[:extra]
        if count:
            words.append(f"{count} only on the {side} (ctid {', '.join(places[:most])})")
    return "; ".join(words)
