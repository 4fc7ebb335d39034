"""What is known about a table that is compared, and how its rows are hashed, told apart and found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import facts
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import MARKER_SCHEMA
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import catalog
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.manifest import COLUMNS, TEXT, recoded_hash

if TYPE_CHECKING:
    import psycopg

# Fewer bytes than this a row are not worth an estimate where a table was never analysed.
LEAST_ROW = 64

# The type by its name for a cast: with -1 and not NULL, else character(n) would become character(1).
_COLUMNS = """
SELECT c.oid::regclass::text,
       array_agg(a.attname::text ORDER BY a.attnum), array_agg(quote_ident(a.attname) ORDER BY a.attnum),
       array_agg(format_type(a.atttypid, -1) ORDER BY a.attnum),
       array_agg(CASE WHEN a.attcollation = 0 THEN '' WHEN a.attcollation = 'pg_catalog."default"'::regcollation
                 THEN concat_ws(' ', d.datlocprovider, d.datcollate, d.daticulocale, pg_database_collation_actual_version(d.oid))
                 ELSE concat_ws(' ', o.collprovider, o.collcollate, o.colliculocale, pg_collation_actual_version(o.oid)) END
                 ORDER BY a.attnum)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_database d ON d.datname = current_database()
LEFT JOIN pg_catalog.pg_collation o ON o.oid = a.attcollation
WHERE c.relkind = 'r' AND {schemas} GROUP BY c.oid
"""


@dataclass(frozen=True)
class Column:
    name: str
    quoted: str
    type: str
    collation: str  # what decides its order: provider, locale, version; empty where nothing does


@dataclass(frozen=True)
class Subject:
    """A table as the comparison sees it."""

    schema: str
    name: str
    label: str  # quoted by the server
    bytes: int
    rows: int  # a guess
    columns: tuple[Column, ...]
    key: tuple[Column, ...]  # empty: no column tells rows apart
    method: str
    record: str  # ROW(...) of its columns, with alias a
    ordered: bool = True  # both sides sort the key alike
    recoded: bool = False  # the same text is other bytes on the other side

    @property
    def hash(self) -> str:
        return f"hash_record_extended({self.record}, 0)" if self.method == COLUMNS else self.text_hash("(a.*)::text")

    def text_hash(self, text: str) -> str:
        return recoded_hash(text) if self.recoded else f"hashtextextended({text}, 0)"

    @property
    def from_(self) -> str:
        return f"ONLY {self.label} AS a"

    @property
    def key_text(self) -> str:
        """The key as text: by the output function, as replication writes it (a cast would write true for t)."""
        return "ARRAY[" + ", ".join(f"format('%s', a.{one.quoted})" for one in self.key) + "]"

    @property
    def key_list(self) -> str:
        return ", ".join(f"a.{one.quoted}" for one in self.key)

    def key_words(self, key: Sequence[str | None]) -> str:
        return ", ".join(f"{one.name}={value}" for one, value in zip(self.key, key, strict=True))

    def bound(self, operator: str) -> str:
        """The key against values that are given as text."""
        given = ", ".join(f"%s::{escaped(one.type)}" for one in self.key)
        return f"({escaped(self.key_list)}) {operator} ({given})"


def escaped(text: str) -> str:
    """A name may hold a percent sign, which means something in a text that is given values."""
    return text.replace("%", "%%")


def _columns(session: psycopg.Connection[Any]) -> dict[str, dict[str, Column]]:
    found: dict[str, dict[str, Column]] = {}
    query = _COLUMNS.format(schemas=facts.USER_SCHEMA)
    if session.info.server_version >= 170000:
        query = query.replace("iculocale", "locale")
    elif session.info.server_version < 150000:
        query = (
            query.replace("d.datlocprovider", "'c'")
            .replace("d.daticulocale", "NULL")
            .replace("o.colliculocale", "NULL")
            .replace("pg_database_collation_actual_version(d.oid)", "NULL")
        )
    for label, *columns in session.execute(query).fetchall():
        found[label] = {column[0]: Column(*column) for column in zip(*columns, strict=True)}
    return found


def read(
    publisher: psycopg.Connection[Any], subscriber: psycopg.Connection[Any]
) -> tuple[list[Subject], list[str], list[str]]:
    """The tables of the publisher, largest first; what forbids comparing one; and those that only one side has."""
    tables = facts.read_tables(publisher)
    here, there = _columns(publisher), _columns(subscriber)
    records = {row[0]: row for row in publisher.execute(catalog.TABLES)}
    hidden = {label for label, row in records.items() if row[3]}
    hidden |= {row[0] for row in subscriber.execute(catalog.TABLES) if row[3]}
    same_major = publisher.info.server_version // 10000 == subscriber.info.server_version // 10000
    recoded = len({session.execute("SHOW server_encoding").fetchone() for session in (publisher, subscriber)}) > 1
    subjects, faults = [], []
    for table in tables:
        columns, others = here.get(table.label, {}), there.get(table.label)
        if others is None:
            continue
        if list(columns) != list(others):
            faults.append(f"table {table.label}: its columns are not the same on both sides")
            continue
        if table.label in hidden:
            faults.append(f"table {table.label}: row level security hides its rows, nothing can be proved")
            continue
        record = records[table.label][4]
        subjects.append(
            Subject(
                schema=table.schema,
                name=table.name,
                label=table.label,
                bytes=table.bytes,
                rows=max(table.rows, 0) or table.bytes // LEAST_ROW,
                columns=tuple(columns.values()),
                key=tuple(columns[name] for name in table.key),
                method=COLUMNS if same_major and record and not recoded else TEXT,
                record=record or "",
                ordered=all(
                    sorts_alike(columns[name].collation, others[name].collation, recoded) for name in table.key
                ),
                recoded=recoded,
            )
        )
    expected, actual = {table.label for table in tables}, {table.label for table in facts.read_tables(subscriber)}
    absent = [f"table {label} is missing on the {{subscriber}}" for label in sorted(expected - actual)]
    absent += [f"table {label} is on the {{subscriber}} only" for label in sorted(actual - expected)]
    return subjects, faults, absent


def sorts_alike(here: str, there: str, recoded: bool = False) -> bool:
    """Text in two encodings does not, whatever the collation: C goes by bytes."""
    return here == there and not (recoded and here)


def unpublished(publisher: psycopg.Connection[Any], publication: str, subjects: Sequence[Subject]) -> list[str]:
    """Tables whose changes do not flow: what is equal now would not stay so."""
    found = publisher.execute(
        "SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = %s", (publication,)
    ).fetchall()
    published = {tuple(row) for row in found}
    return [
        f"table {one.label} is not in publication {publication}, its changes do not follow"
        for one in subjects
        if (one.schema, one.name) not in published
    ]


__all__ = ["MARKER_SCHEMA", "Column", "Subject", "escaped", "read", "unpublished"]
