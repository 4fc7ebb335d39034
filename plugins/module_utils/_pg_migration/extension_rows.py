# ruff: noqa: S608 - the catalog's own texts: names that are quoted there, and the condition that pg_dump uses too
"""Rows that extensions keep for their users (jobs of cron, partman's rules, own spatial reference systems), and where their sequences stand.

They belong to no table that is published. What pg_dump would copy of them is copied with the seed, since foreign keys may lead there, and
made equal again in the freeze.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import extension_merge
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.extension_merge import Kept

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

# In the order of the extension's script: what is referred to comes first. A generated column is made anew.
CONFIGURED = """
SELECT e.extname, c.oid::regclass::text, c.relkind::text, coalesce(k.condition, ''), pg_table_size(c.oid),
       (SELECT coalesce(array_agg(quote_ident(a.attname) ORDER BY a.attnum), '{}') FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
       (SELECT coalesce(array_agg(quote_ident(a.attname) ORDER BY a.attnum), '{}') FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary)
FROM pg_catalog.pg_extension e CROSS JOIN LATERAL unnest(e.extconfig, e.extcondition) WITH ORDINALITY k(number, condition, place)
JOIN pg_catalog.pg_class c ON c.oid = k.number WHERE c.relkind IN ('r', 'p', 'S') ORDER BY e.extname, k.place
"""
# A background worker of the target would act on such rows at once: jobs would run on both servers, of which one follows the other.
ACTED_ON = frozenset({"pg_cron", "pg_partman"})
# NULL where there is no such table.
MAY_WRITE = """
SELECT has_table_privilege(c, 'SELECT') AND has_table_privilege(c, 'INSERT') AND has_table_privilege(c, 'UPDATE')
   AND has_table_privilege(c, 'DELETE') FROM to_regclass(%s) c
"""


def read(session: psycopg.Connection[Any], left: Sequence[str] = ()) -> list[Kept]:
    """Without those that an operator carries over by hand."""
    found = [
        Kept(extension, label, kind, condition, held, tuple(columns), tuple(key))
        for extension, label, kind, condition, held, columns, key in session.execute(CONFIGURED)
    ]
    return [one for one in found if one.label not in left]


def tables(session: psycopg.Connection[Any], left: Sequence[str] = ()) -> list[Kept]:
    return [one for one in read(session, left) if one.kind != "S"]


def size(session: psycopg.Connection[Any], left: Sequence[str] = ()) -> int:
    return sum(one.bytes for one in tables(session, left))


def unwritable(session: psycopg.Connection[Any], label: str) -> bool:
    """Is the table there already, and may this login not change it? (What the move makes itself is known when it is there.)"""
    row = session.execute(MAY_WRITE, (label,)).fetchone()
    return row is not None and row[0] is False


def carry(old: psycopg.Connection[Any], new: psycopg.Connection[Any], left: Sequence[str] = ()) -> list[str]:
    """Make the users' rows of the new side those of the old one; the tables of which any differed."""
    there = {one.label for one in read(new)}
    found = read(old, left)
    changed = [one for one in found if one.kind != "S" and _differs(old, new, one)]
    acted_on = [one for one in changed if one.extension in ACTED_ON]
    if acted_on:
        raise _by_hand(acted_on)
    if changed:
        try:
            extension_merge.merge(old, new, changed)
        except extension_merge.FailedError as error:
            raise _failed(new, error.table, error.error) from None
    for one in found:
        if one.kind == "S":
            _sequence(old, new, one, there)
    return [one.label for one in changed]


def empty(session: psycopg.Connection[Any], left: Sequence[str] = ()) -> list[str]:
    """Tables without a row of the users; one that may not be read is not said to be."""
    found = []
    for one in tables(session, left):
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
            if session.execute(sql.SQL(f"SELECT FROM {one.rows} LIMIT 1")).fetchone() is None:
                found.append(one.label)
    return found


def remove(session: psycopg.Connection[Any], labels: Collection[str]) -> list[str]:
    """Delete the users' rows of these tables, what refers to others first; says which ones did not let them go."""
    kept = []
    for one in reversed([one for one in tables(session) if one.label in labels]):
        try:
            session.execute(
                sql.SQL(f"DELETE FROM {one.label} WHERE (tableoid, ctid) IN (SELECT tableoid, ctid FROM {one.rows})")
            )
        except psycopg.Error as error:
            kept.append(f"rows of {one.label} of extension {one.extension} stay: {error.diag.message_primary}")
    return kept


def differences(old: psycopg.Connection[Any], new: psycopg.Connection[Any], left: Sequence[str] = ()) -> list[str]:
    """For the verdict of a freeze: whatever is not the same, by its digest."""
    return [
        f"table {one.label} of extension {one.extension}: the rows of the users are not the same on both sides"
        for one in tables(old, left)
        if _differs(old, new, one)
    ]


def _differs(old: psycopg.Connection[Any], new: psycopg.Connection[Any], one: Kept) -> bool:
    here = old.execute(sql.SQL(one.digest)).fetchone()
    if here == (0, "0") and new.execute("SELECT to_regclass(%s)", (one.label,)).fetchone() == (None,):
        return False  # the target's version of the extension has no such table, and nobody used it
    try:
        return new.execute(sql.SQL(one.digest)).fetchone() != here
    except (
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedColumn,
        psycopg.errors.InsufficientPrivilege,
    ) as error:
        raise _failed(new, one, error) from None


def _sequence(old: psycopg.Connection[Any], new: psycopg.Connection[Any], one: Kept, there: set[str]) -> None:
    if one.label not in there:
        return
    row = old.execute(sql.SQL(f"SELECT last_value, is_called FROM {one.label}")).fetchone()
    if row == new.execute(sql.SQL(f"SELECT last_value, is_called FROM {one.label}")).fetchone():
        return
    try:
        new.execute("SELECT pg_catalog.setval(%s::regclass, %s, %s)", (one.label, *(row or (1, False))))
    except psycopg.Error as error:
        raise _failed(new, one, error) from None


def _by_hand(found: Sequence[Kept]) -> MigrationError:
    labels = ", ".join(one.label for one in found)
    return MigrationError(
        f"{labels} of extension {found[0].extension}: these rows are not the same on both sides, and a background worker would act on copies"
        f" of them before the cutover. Mend: name {labels} in left_extension_tables, and carry them over by hand after the cutover"
    )


def _failed(session: psycopg.Connection[Any], one: Kept, error: psycopg.Error) -> MigrationError:
    """The server's detail may quote a row: it is not said."""
    return MigrationError(
        f"{one.label} of extension {one.extension}: {session.info.host}:{session.info.port} says: {error.diag.message_primary or error}."
        f" Mend: give {session.info.user} SELECT, INSERT, UPDATE and DELETE there and the same version of the extension; or carry its rows over by"
        f" hand and name {one.label} in left_extension_tables"
    )
