"""The slot that says which rows changed since the online comparison began: making, reading, dropping it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError, SlotLostError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import ANEW
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.keys import Keys
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.pgoutput import Decoder, Touched

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

PART = 8 * 1024**2  # more than this of one change is not fetched; its table is compared whole then
CHUNK = 50_000  # changes in one reading, then the slot lets go of their WAL
BATCH = 2_000  # touched rows held in memory
POLL = 0.05
SLOT_PATIENCE = "120s"

SLOT = """
SELECT confirmed_flush_lsn - '0/0'::pg_lsn, active, coalesce(wal_status, ''), database = current_database()
FROM pg_catalog.pg_replication_slots WHERE slot_name = %s
"""
PEEK = """
SELECT substr(data, 1, {part}) FROM pg_logical_slot_peek_binary_changes(
  %s, '0/0'::pg_lsn + %s::numeric, {chunk}, 'proto_version', '1', 'publication_names', %s)
"""


def text_lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


@contextlib.contextmanager
def publisher(leg: Leg) -> Any:
    with connect(leg.publisher, leg.application) as session:
        session.execute("SET default_transaction_read_only TO off")
        session.execute("SET synchronous_commit TO local")
        yield session


def _slot(session: psycopg.Connection[Any], slot: str) -> tuple[int, bool, str, bool] | None:
    row = session.execute(SLOT, (slot,)).fetchone()
    return None if row is None else (int(row[0] or 0), bool(row[1]), str(row[2]), bool(row[3]))


def unread(leg: Leg) -> int:
    """Bytes of WAL that the next reading begins with: from restart_lsn, not from where the last one ended."""
    with publisher(leg) as session:
        row = session.execute(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint FROM pg_catalog.pg_replication_slots WHERE slot_name = %s",
            (leg.verify_slot,),
        ).fetchone()
    return max(0, int(row[0] or 0)) if row else 0


def drop(leg: Leg, patience: float = 10.0) -> bool:
    """Let go of the WAL; says whether there was a slot."""
    with publisher(leg) as session:
        deadline = time.monotonic() + patience
        while (found := _slot(session, leg.verify_slot)) is not None:
            if not found[1]:
                with contextlib.suppress(psycopg.errors.ObjectInUse, psycopg.errors.UndefinedObject):
                    session.execute("SELECT pg_drop_replication_slot(%s)", (leg.verify_slot,))
                    return True
            elif time.monotonic() > deadline - patience / 2:
                # A reader that was killed goes on on the server until it next writes to its client.
                session.execute(
                    "SELECT pg_terminate_backend(active_pid) FROM pg_catalog.pg_replication_slots WHERE slot_name = %s",
                    (leg.verify_slot,),
                )
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"slot {leg.verify_slot} on {leg.publisher.label} is in use and cannot be dropped; it holds WAL."
                    f" Mend: end the session that reads it (pg_replication_slots.active_pid), then the same verb again"
                )
            time.sleep(POLL)
    return False


def create(leg: Leg) -> int:
    """A new slot; every transaction that commits after the position returned will be in it."""
    with publisher(leg) as session:
        session.execute(sql.SQL("SET statement_timeout TO {}").format(SLOT_PATIENCE))
        try:
            row = session.execute(
                "SELECT lsn - '0/0'::pg_lsn FROM pg_create_logical_replication_slot(%s, 'pgoutput')",
                (leg.verify_slot,),
            ).fetchone()
        except psycopg.errors.QueryCanceled:
            raise MigrationError(
                f"{leg.publisher.side} {leg.publisher.label}: the slot for the comparison was not made within {SLOT_PATIENCE}, since a"
                " transaction that began earlier does not end. Mend: end it (pg_stat_activity, oldest xact_start), then verify again"
            ) from None
        except psycopg.Error as error:
            raise MigrationError(
                f"{leg.publisher.side} {leg.publisher.label}: the slot for the comparison cannot be made"
                f" ({' '.join(str(error).split())}). Mend: wal_level=logical, a free replication slot, a login with REPLICATION"
            ) from None
    return int(row[0]) if row else 0


def flushed(session: psycopg.Connection[Any]) -> int:
    """A position that everything committed so far lies before, on disk: only what is there can be decoded."""
    # A transaction of its own that is waited for takes those before it to disk, also where they did not wait themselves.
    session.execute("SELECT pg_logical_emit_message(true, 'platform_migration', '')")
    row = session.execute("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn").fetchone()
    return int(row[0]) if row else 0


def wait_applied(leg: Leg, position: int, timeout: float) -> None:
    """Until the subscriber has applied everything before the position."""
    deadline = time.monotonic() + timeout
    with publisher(leg) as session, connect(leg.subscriber, leg.application) as there:
        while True:
            found = _slot(session, leg.slot)
            # The subscription has the name of its slot.
            enabled = there.execute(
                "SELECT subenabled FROM pg_catalog.pg_subscription WHERE subname = %s", (leg.slot,)
            ).fetchone()
            if enabled != (True,):
                raise MigrationError(
                    f"subscription {leg.slot} on {leg.subscriber.label} {'is not there' if enabled is None else 'is disabled'}:"
                    " the changes do not follow. Mend: migration_step=follow says why"
                )
            if found is None or found[2] == "lost":
                raise SlotLostError(
                    f"slot {leg.slot} on {leg.publisher.label} {'is not there' if found is None else 'has lost WAL'}."
                    f" Mend: {ANEW if leg.publisher.side == 'source' else 'finish; applications stay where they are'}"
                )
            if found[0] >= position:
                return
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"{leg.subscriber.side} {leg.subscriber.label} has applied the changes up to {text_lsn(found[0])} only,"
                    f" {text_lsn(position)} is wanted, after {timeout:.0f} s. Mend: migration_step=follow says what holds it up"
                )
            time.sleep(POLL)


class Changes:
    """Reads the slot into the file of keys; may be called from any thread, one reads at a time."""

    def __init__(self, leg: Leg, keys: Keys, columns: Mapping[tuple[str, str], Sequence[str]]) -> None:
        self.leg, self.keys, self.columns = leg, keys, columns
        self.lock = threading.Lock()
        self.last = time.monotonic()

    def collect(self, release: bool = True) -> int:
        """Everything committed until now; returns how many rows were touched. `release` lets the server drop the WAL that was read."""
        with self.lock, publisher(self.leg) as session:
            upto = flushed(session)
            total = 0
            while True:
                count, position, more = self._chunk(session, upto, release)
                total += count
                if release:
                    self._release(session, position)
                if not more:
                    self.last = time.monotonic()
                    return total

    def collect_now_and_then(self, pause: float) -> None:
        """So that WAL does not pile up while a long comparison runs."""
        if time.monotonic() - self.last > pause and not self.lock.locked():
            self.collect()

    def _chunk(self, session: psycopg.Connection[Any], upto: int, release: bool) -> tuple[int, int, bool]:
        slot = _slot(session, self.leg.verify_slot)
        if slot is None or slot[2] == "lost":
            raise SlotLostError(
                f"slot {self.leg.verify_slot} on {self.leg.publisher.label} {'is not there' if slot is None else 'has lost WAL'}:"
                " what changed since the online verification is not known. Mend: verify again"
            )
        decoder = Decoder(self.columns)
        messages = touched = 0
        query = sql.SQL(PEEK).format(part=sql.Literal(PART), chunk=sql.Literal(CHUNK if release else None))
        with self.keys.writing(), session.cursor(binary=True) as cursor:
            waiting: list[Touched] = []
            for (data,) in cursor.stream(query, (self.leg.verify_slot, str(upto), self.leg.publication)):
                messages += 1
                waiting += decoder.read(data)
                if len(waiting) >= BATCH:
                    touched += len(waiting)
                    self.keys.add(waiting)
                    waiting = []
            touched += len(waiting)
            self.keys.add(waiting)
            # Not all was read: the reading ended with the last whole transaction that it delivered.
            more = release and messages >= CHUNK
            position = decoder.committed if more else upto
            self.keys.note(read_to=position)
        return touched, position, more

    def _release(self, session: psycopg.Connection[Any], position: int) -> None:
        slot = _slot(session, self.leg.verify_slot)
        if slot is not None and position > slot[0]:
            session.execute(
                "SELECT pg_replication_slot_advance(%s, '0/0'::pg_lsn + %s::numeric)",
                (self.leg.verify_slot, str(position)),
            )


def exists(leg: Leg) -> bool:
    with contextlib.suppress(PgConnectError), publisher(leg) as session:
        found = _slot(session, leg.verify_slot)
        return found is not None and found[2] != "lost" and found[3]
    return False
