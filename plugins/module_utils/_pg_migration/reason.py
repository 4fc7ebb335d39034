"""Why a subscription stopped. The server writes its reason into its log only; what SQL lets us see is found out here."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import read_tables
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Table
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.pgoutput import Decoder, Key

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

TAIL = 256 * 1024
# Enough to find a row, little enough to read; the slot may be behind by more than that of what was applied already.
CHANGES = (2000, 20_000, 200_000)
PROBE = "CREATE TEMPORARY TABLE platform_migration_room AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 1000)"  # a MiB
LOOKS = 20_000  # rows that are looked for on the target: some seconds, and the transaction may have millions
PART = 64 * 1024  # bytes of one change: a key that does not end in them is not named
PEEK = """
SELECT substr(data, 1, %s) FROM pg_logical_slot_peek_binary_changes(%s, NULL, %s, 'proto_version', '1', 'publication_names', %s)
"""
APPLIED = """
SELECT pg_replication_origin_progress('pg_' || oid, false) - '0/0' FROM pg_catalog.pg_subscription
WHERE subname = %s AND subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""
LOG = """
SELECT pg_read_file(f.name, greatest(0, (pg_stat_file(f.name)).size - %s), %s)
FROM (SELECT pg_current_logfile() AS name) f WHERE f.name IS NOT NULL
"""


def of(context: Context, source: psycopg.Connection[Any], target: psycopg.Connection[Any]) -> str:
    """The best that can be said, empty when nothing can."""
    return _full(target) or _logged(target, context.names.subscription) or _conflict(context, source, target)


def _full(target: psycopg.Connection[Any]) -> str:
    """Write a little where the database lives, and take it back: a full disk says so to everybody."""
    try:
        with target.transaction(force_rollback=True):
            target.execute("SET LOCAL transaction_read_only TO off")
            target.execute("SET LOCAL temp_tablespaces TO ''")
            target.execute(PROBE)
    except psycopg.errors.DiskFull as error:
        return (
            f"the target says: {error.diag.message_primary}. Mend: make room on the target (its disk, or the tablespace of the database),"
            " then follow again"
        )
    except psycopg.Error:
        return ""
    return ""


def _logged(target: psycopg.Connection[Any], name: str) -> str:
    """The last error of an apply worker in the server's log file, where there is one and we may read it."""
    with contextlib.suppress(psycopg.Error):
        row = target.execute(LOG, (TAIL, TAIL)).fetchone()
        return last_error(str(row[0]), name) if row and row[0] else ""
    return ""


def last_error(text: str, name: str) -> str:
    """Pure: the message before the line that tells of the subscription being disabled."""
    lines = text.splitlines()
    ends = [number for number, line in enumerate(lines) if f'subscription "{name}" has been disabled' in line]
    for number in range(ends[-1] if ends else -1, -1, -1):
        found = re.search(r"ERROR:\s+(.*)", lines[number])
        if found:
            detail = next(
                (m[1] for line in lines[number + 1 : number + 4] if (m := re.search(r"DETAIL:\s+(.*)", line))), ""
            )
            return f"{found[1]}{': ' + detail if detail else ''}"
    return ""


def _conflict(context: Context, source: psycopg.Connection[Any], target: psycopg.Connection[Any]) -> str:
    """Look at what would be applied next: a row in it that is on the target already is the usual cause."""
    tables = {(table.schema, table.name): table for table in read_tables(source)}
    with contextlib.suppress(psycopg.Error):
        # A login that may not see the position gets no row named: the slot still has what was applied a moment ago,
        # and whoever deletes such a row on the target loses it.
        row = target.execute(APPLIED, (context.names.subscription,)).fetchone()
        applied = int(row[0]) if row and row[0] else 0
        looks = 0
        for many in CHANGES:
            decoder, seen = Decoder({place: table.key for place, table in tables.items()}), 0
            # Row by row: the server ends its answer behind a whole transaction only, however long that is.
            with contextlib.closing(_upcoming(context, source, many)) as messages:
                for data in messages:
                    seen += 1
                    for touched in decoder.read(data):
                        table = tables.get((touched.schema, touched.name))
                        if data[:1] != b"I" or decoder.begun < applied or not (table and touched.key):
                            continue
                        looks += 1
                        if looks > LOOKS:
                            return ""
                        if _there(target, table.schema, table.name, table.key, touched.key):
                            return _in_the_way(table, touched.key)
            if seen < many or decoder.begun >= applied:
                break
    return ""


def _upcoming(context: Context, source: psycopg.Connection[Any], many: int) -> Generator[bytes, None, None]:
    """What the slot would send from where it was told last, as far as about `many` changes; nothing is taken from it."""
    with source.cursor() as cursor:
        for (data,) in cursor.stream(PEEK, (PART, context.names.slot, many, f'"{context.names.publication}"')):
            yield bytes(data)


def _in_the_way(table: Table, key: Key) -> str:
    named = ", ".join(f"{column}={value}" for column, value in zip(table.key, key, strict=True))
    return (
        f"the row {table.label} ({named}) that the source sends is on the target already;"
        " somebody wrote there. Mend: delete that row on the target (in a session with default_transaction_read_only off), then follow again"
    )


def _there(target: psycopg.Connection[Any], schema: str, name: str, columns: tuple[str, ...], key: Key) -> bool:
    equal = [
        sql.SQL("{} = {}").format(sql.Identifier(one), sql.Literal(value))
        for one, value in zip(columns, key, strict=True)
    ]
    text = sql.SQL("SELECT 1 FROM {} WHERE {}").format(sql.Identifier(schema, name), sql.SQL(" AND ").join(equal))
    with contextlib.suppress(psycopg.Error):
        return target.execute(text).fetchone() is not None
    return False
