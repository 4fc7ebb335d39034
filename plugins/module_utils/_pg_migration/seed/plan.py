"""What is copied in which pieces, and what is built after them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Table

# Below this a range of pages costs more sessions and queries than it wins.
LEAST_PAGES = 128

# What an entry of the post-data section belongs to, in the order of the work.
TABLE = "table"  # keys and indexes of one table: as soon as its last part is there
BEFORE = "before"  # what pg_dump lists before the foreign keys
ANALYZE = "analyze"  # so that the checks and views have a good plan
FOREIGN = "foreign"  # foreign keys, not yet checked
CHECK = "check"  # their check
AFTER = "after"  # whatever comes after them: policies and the like
STAGES = (TABLE, BEFORE, ANALYZE, FOREIGN, CHECK, AFTER)
PARALLEL = (TABLE, ANALYZE, CHECK)
LAST = "ANALYZE"  # begins the title of what waits for everything else of its table


@dataclass(frozen=True)
class Part:
    """A range of pages of one table; `last` is exclusive, None for the end, whatever it grows to."""

    table: Table
    number: int
    first: int
    last: int | None
    bytes: int
    filenode: int | None = None  # of the file that the pages are counted in

    @property
    def whole(self) -> bool:
        return self.first == 0 and self.last is None

    @property
    def label(self) -> str:
        return self.table.label if self.whole else f"{self.table.label}#{self.number}"


@dataclass(frozen=True)
class Entry:
    """One statement of the dump's post-data section, as the catalog of the source knows its object."""

    number: int  # its place in the list
    kind: str  # CONSTRAINT, INDEX, FK CONSTRAINT, ...
    title: str
    statement: str
    oid: int = 0


@dataclass(frozen=True)
class Owner:
    """The table of an index or constraint, and the constraint's name, both quoted."""

    table: str
    name: str
    bytes: int
    partitioned: bool = False
    valid: bool = True


@dataclass(frozen=True)
class Step:
    """One statement to be run once, in a transaction that also says so."""

    number: int
    stage: str
    table: str  # label, empty when it waits for no table in particular
    title: str
    statement: str
    weight: int = 0  # larger ones first
    alone: bool = False  # nothing else may be built on its table meanwhile

    @property
    def last(self) -> bool:
        """Waits for everything else of its table."""
        return self.title.startswith(LAST + " ")


def parts(tables: Iterable[Table], part_bytes: int, by_pages: bool = True) -> list[Part]:
    """Largest first. The bytes of TOAST are taken to be spread evenly over the pages."""
    found: list[Part] = []
    for table in tables:
        wanted = -(-table.bytes // max(part_bytes, 1)) if by_pages else 1
        count = max(1, min(wanted, table.pages // LEAST_PAGES))
        bounds = [table.pages * number // count for number in range(count)]
        for number, first in enumerate(bounds):
            last = bounds[number + 1] if number + 1 < count else None
            found.append(Part(table, number, first, last, table.bytes // count))
    return sorted(found, key=lambda part: (-part.bytes, part.table.label, part.number))


def steps(entries: Iterable[Entry], owners: Mapping[tuple[str, int], Owner], copied: Iterable[str]) -> list[Step]:
    """`owners` by kind of object and OID; `copied` are the labels of the tables that have parts."""
    labels, found, foreign_seen = set(copied), [], False
    for entry in entries:
        kind = "constraint" if entry.kind in ("CONSTRAINT", "FK CONSTRAINT") else "index"
        owner = owners.get((kind, entry.oid)) if entry.kind in ("CONSTRAINT", "INDEX", "FK CONSTRAINT") else None
        if entry.kind == "FK CONSTRAINT" and owner is not None:
            foreign_seen = True
            found += _foreign(entry, owner)
        elif owner is not None and owner.table in labels:
            alone = entry.kind == "CONSTRAINT"
            found.append(Step(entry.number, TABLE, owner.table, entry.title, entry.statement, owner.bytes, alone))
        else:
            found.append(Step(entry.number, AFTER if foreign_seen else BEFORE, "", entry.title, entry.statement))
    return found


def _foreign(entry: Entry, owner: Owner) -> list[Step]:
    """Added without a look at the rows, which locks both tables for a moment only; looked at afterwards, many at once."""
    later = owner.valid and not owner.partitioned and "NOT VALID" not in entry.statement
    if not later:
        return [Step(entry.number, FOREIGN, owner.table, entry.title, entry.statement)]
    constraint = entry.statement.rstrip().removesuffix(";")
    added = Step(entry.number, FOREIGN, owner.table, entry.title, f"{constraint} NOT VALID")
    check = f"ALTER TABLE {owner.table} VALIDATE CONSTRAINT {owner.name}"
    return [added, Step(entry.number, CHECK, owner.table, entry.title, check, owner.bytes, alone=True)]


def statistics(tables: Iterable[tuple[str, int, bool]], copied: Iterable[str], number: int) -> list[Step]:
    """ANALYZE of each table, numbered after everything else: with its last index, or, where it needs more than that, later.

    What needs more: a partitioned table, and one with statistics objects, which are made after the indexes.
    """
    labels = set(copied)
    return [
        Step(
            number + place,
            TABLE if simple and label in labels else ANALYZE,
            label,
            f"{LAST} {label}",
            f"ANALYZE {label}",
            size,
        )
        for place, (label, size, simple) in enumerate(tables)
    ]
