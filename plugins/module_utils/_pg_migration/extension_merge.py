# ruff: noqa: S608 - the catalog's own texts: names that are quoted there, and the condition that pg_dump uses too
"""The users' rows of an extension's tables, made equal by changing only what differs: other tables may refer to the rest."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Kept:
    """A table or sequence that an extension has named as its users' data. Names quoted."""

    extension: str
    label: str
    kind: str
    condition: str  # which rows are the users'; the others come with the extension
    bytes: int
    columns: tuple[str, ...]
    key: tuple[str, ...] = ()  # of its primary key

    @property
    def rows(self) -> str:
        """Their place in a query, with alias-free columns as the condition wants them."""
        return f"{'' if self.kind == 'p' else 'ONLY '}{self.label} {self.condition}"

    @property
    def listed(self) -> str:
        return ", ".join(self.columns)

    @property
    def digest(self) -> str:
        return f"SELECT count(*), coalesce(sum(hash_record_extended(ROW(convert_to(ROW({self.listed})::text, 'UTF8')), 0)), 0)::text FROM {self.rows}"

    def equal(self, columns: Sequence[str], one: str, other: str) -> str:
        """As text: a type need not have an equality of its own."""
        sides = ["ROW(" + ", ".join(f"{alias}.{column}" for column in columns) + ")::text" for alias in (one, other)]
        return " = ".join(sides)


class FailedError(Exception):
    """Which table, and what the server said."""

    def __init__(self, table: Kept, error: psycopg.Error) -> None:
        self.table, self.error = table, error
        super().__init__(table.label)


def merge(old: psycopg.Connection[Any], new: psycopg.Connection[Any], tables: Sequence[Kept]) -> None:
    """All of them or none. Triggers of the extension see it, as they see a restore."""
    with new.transaction():
        for number, one in enumerate(tables):
            with _named(one):
                _load(old, new, one, number)
        try:
            with new.transaction():
                _away(new, tables)
                _there(new, tables)
        except FailedError as error:
            if not isinstance(error.error, psycopg.errors.ForeignKeyViolation):
                raise
            # A row that goes is still referred to by one that is yet to change. (Not always in this order: a name that passes from one
            # row to another has to be free first.)
            _there(new, tables)
            _away(new, tables)
        for number in range(len(tables)):
            new.execute(sql.SQL(f"DROP TABLE {_temporary(number)}"))


@contextlib.contextmanager
def _named(one: Kept) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise FailedError(one, error) from None


def _temporary(number: int) -> str:
    return f"pg_temp.platform_rows_{number}"


def _load(old: psycopg.Connection[Any], new: psycopg.Connection[Any], one: Kept, number: int) -> None:
    into = _temporary(number)
    new.execute(sql.SQL(f"CREATE TEMPORARY TABLE {into} AS SELECT {one.listed} FROM {one.label} WITH NO DATA"))
    reading = old.cursor().copy(sql.SQL(f"COPY (SELECT {one.listed} FROM {one.rows}) TO STDOUT"))
    writing = new.cursor().copy(sql.SQL(f"COPY {into} FROM STDIN"))
    with reading as rows, writing as taken:
        for data in rows:
            taken.write(data)


def _away(new: psycopg.Connection[Any], tables: Sequence[Kept]) -> None:
    """What the old side does not have; of a table with a key only what has no successor. What refers to others goes first."""
    for number, one in reversed(list(enumerate(tables))):
        same = one.equal(one.key or one.columns, "x", "t")
        with _named(one):
            new.execute(
                sql.SQL(
                    f"DELETE FROM {one.label} t WHERE ctid IN (SELECT ctid FROM {one.rows})"
                    f" AND NOT EXISTS (SELECT FROM {_temporary(number)} x WHERE {same})"
                )
            )


def _there(new: psycopg.Connection[Any], tables: Sequence[Kept]) -> None:
    """What is another, then what is new. A row that the target's own version of the extension brings is never changed."""
    for number, one in enumerate(tables):
        same, other = one.equal(one.columns, "x", "t"), [column for column in one.columns if column not in one.key]
        changes = ", ".join(f"{column} = x.{column}" for column in other)
        with _named(one):
            if one.key and other:
                new.execute(
                    sql.SQL(
                        f"UPDATE {one.label} t SET {changes} FROM {_temporary(number)} x WHERE {one.equal(one.key, 'x', 't')}"
                        f" AND NOT {same} AND t.ctid IN (SELECT ctid FROM {one.rows})"
                    )
                )
            new.execute(
                sql.SQL(
                    f"INSERT INTO {one.label} ({one.listed}) OVERRIDING SYSTEM VALUE SELECT * FROM {_temporary(number)} x"
                    f" WHERE NOT EXISTS (SELECT FROM {one.label} t WHERE {same})"
                )
            )
