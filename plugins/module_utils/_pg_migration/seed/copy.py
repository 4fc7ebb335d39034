"""One part from the source to the target: read in the snapshot, written and recorded in one transaction."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import connect, name
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    RewrittenError,
    SnapshotLostError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import complaint, ledger
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.facts import Columns
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.plan import Part

with contextlib.suppress(ImportError):  # the module says it in words
    from psycopg import OperationalError, pq, sql
    from psycopg import errors as pg

if TYPE_CHECKING:
    import psycopg

BLOCK = 256 * 1024  # rows are passed on in blocks of this size
# Milliseconds. An older libpq leaves a part of a large TLS record in the TLS library, where no socket tells of it.
UNSEEN = 500
# A peer that vanished without a word is noticed within a minute.
KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 20),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000),
)


@dataclass(frozen=True)
class Lane:
    """What one copying worker needs, for all its parts."""

    source: psycopg.Connection[Any]
    target: psycopg.Connection[Any]
    columns: dict[str, Columns]
    passed: Callable[[Part, int], None]  # told of every block; may wait, may raise


@contextlib.contextmanager
def session(where: Endpoint, application: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(where, application) as opened:
        with contextlib.suppress(OSError), socket.socket(fileno=opened.pgconn.socket) as wire:
            try:
                for level, option, value in KEEPALIVE:
                    wire.setsockopt(level, option, value)
            finally:
                wire.detach()
        opened.execute("SET default_transaction_read_only TO off")
        yield opened


def enter(opened: psycopg.Connection[Any], snapshot: str) -> None:
    """Let a session of the source see the snapshot, until it ends."""
    opened.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        opened.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot)))
    except (pg.InvalidParameterValue, pg.UndefinedObject, pg.ObjectNotInPrerequisiteState) as error:
        raise SnapshotLostError(
            lost(f"the source does not know the snapshot {snapshot} any more ({error.diag.message_primary})")
        ) from None


def lost(why: str) -> str:
    return (
        f"{why}: going on would mix two moments. Mend: run seed with restart=true; it drops the slot and what was copied,"
        " and begins anew (the source goes on serving its users meanwhile)"
    )


def statements(part: Part, columns: Columns) -> tuple[sql.Composed, sql.Composed]:
    """COPY on either side."""
    table = name(part.table.schema, part.table.name)
    listed = sql.SQL(" ({})").format(sql.SQL(", ").join(map(name, columns.names))) if columns.names else sql.SQL("")
    options = (["FORMAT binary"] if columns.binary else []) + (["FREEZE"] if part.whole else [])
    settings = sql.SQL(f" ({', '.join(options)})" if options else "")
    there = sql.SQL(" (FORMAT binary)" if columns.binary else "")
    into = sql.SQL("COPY {}{} FROM STDIN{}").format(table, listed, settings)
    if part.whole:
        return sql.SQL("COPY {}{} TO STDOUT{}").format(table, listed, there), into
    bounds = f"ctid >= '({part.first},0)'::pg_catalog.tid" + (
        "" if part.last is None else f" AND ctid < '({part.last},0)'::pg_catalog.tid"
    )
    chosen = sql.SQL(", ").join(map(name, columns.names))
    query = sql.SQL("COPY (SELECT {} FROM ONLY {} WHERE {}) TO STDOUT{}").format(chosen, table, sql.SQL(bounds), there)
    return query, into


def copy(lane: Lane, part: Part) -> tuple[int, int]:
    """Rows and bytes. Whatever ends it early leaves neither rows nor a record of them."""
    began = time.monotonic()
    _held(lane, part)
    out, into = statements(part, lane.columns[part.table.label])
    try:
        with lane.target.transaction():
            if part.whole:  # made in this transaction, the rows need no second write when they are old
                lane.target.execute(sql.SQL("TRUNCATE ONLY {}").format(name(part.table.schema, part.table.name)))
            rows, size = _stream(lane, part, out.as_bytes(lane.source), into.as_bytes(lane.target))
            ledger.part_done(lane.target, part, rows, size, round(time.monotonic() - began, 3))
    except pg.DiskFull as error:
        raise complaint.said(part.label, "target", str(error.diag.message_primary), error.sqlstate, "") from None
    except OperationalError as error:
        raise complaint.gone(part.label, lane.source, lane.target, error) from None
    return rows, size


def _held(lane: Lane, part: Part) -> None:
    """Nobody rewrites a table that is locked, and this lock lasts as long as the lane; before it, somebody may have.

    VACUUM FULL and CLUSTER keep the rows that the snapshot sees, in other pages: a range of them would then hold rows that another range
    had already, and lack those that moved to the front.
    """
    if part.whole or part.filenode is None:
        return
    table = name(part.table.schema, part.table.name)
    lane.source.execute(sql.SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE").format(table))
    row = lane.source.execute("SELECT pg_relation_filenode(%s::regclass)", (part.table.label,)).fetchone()
    if row is None or row[0] != part.filenode:
        raise RewrittenError(part.table.label, int(row[0]) if row and row[0] else 0)


def _stream(lane: Lane, part: Part, out: bytes, into: bytes) -> tuple[int, int]:
    """Blocks from one connection to the other. Below psycopg's own COPY, which costs four times as much for small rows."""
    source, target = lane.source.pgconn, lane.target.pgconn
    # psycopg would wait for a row with Python's lock held: the other lanes and the gauge would stand still meanwhile.
    source.nonblocking = target.nonblocking = 1
    _expect(source.exec_(out), pq.ExecStatus.COPY_OUT, "source", part)
    _expect(target.exec_(into), pq.ExecStatus.COPY_IN, "target", part)
    arrival, room = _wakes(source, select.POLLIN), _wakes(target, select.POLLIN | select.POLLOUT)
    size, block, next_row = 0, bytearray(), source.get_copy_data
    while True:
        length, data = next_row(1)
        if length > 0:
            block += data
            if len(block) < BLOCK:
                continue
        elif length == 0:
            arrival.poll(UNSEEN)
            source.consume_input()
            continue
        if block:
            _put(target, room, block, part)
            size += len(block)
            lane.passed(part, len(block))
            block.clear()
        if length < 0:
            break
    _expect(_result(source), pq.ExecStatus.COMMAND_OK, "source", part)  # before the target is told that this is all
    _drain(source)
    target.put_copy_end()
    done = _result(target)
    _expect(done, pq.ExecStatus.COMMAND_OK, "target", part)
    _drain(target)
    return int(done.command_tuples or 0) if done else 0, size


def _wakes(connection: Any, events: int) -> select.poll:
    found = select.poll()
    found.register(connection.socket, events)
    return found


def _result(connection: Any) -> Any:
    """The next one, awaited with Python's lock given up as well."""
    _flush(connection, _wakes(connection, select.POLLIN | select.POLLOUT))
    answer = _wakes(connection, select.POLLIN)
    while connection.is_busy():
        answer.poll(UNSEEN)
        connection.consume_input()
    return connection.get_result()


def _flush(connection: Any, room: select.poll) -> None:
    while connection.flush():
        ready = room.poll(UNSEEN)
        if not ready or any(events & ~select.POLLOUT for _, events in ready):
            connection.consume_input()


def _put(target: Any, room: select.poll, block: bytearray, part: Part) -> None:
    """All of it is sent when this returns, so that what the target has not taken yet is kept by the sender, not by our memory."""
    try:
        target.put_copy_data(block)
        _flush(target, room)
    except OperationalError:  # says only that the COPY is over; why is in the answer
        _expect(target.get_result(), pq.ExecStatus.COMMAND_OK, "target", part)
        raise


def _drain(connection: Any) -> None:
    while connection.get_result() is not None:
        pass


def _expect(result: Any, status: int, side: str, part: Part) -> None:
    if result is not None and result.status == status:
        return
    words = result.error_message.decode(errors="replace") if result is not None else "no answer"
    state = result.error_field(pq.DiagnosticField.SQLSTATE) if result is not None else None
    raise complaint.said(part.label, side, words, state.decode() if state else None, f"see the {side}'s log")
