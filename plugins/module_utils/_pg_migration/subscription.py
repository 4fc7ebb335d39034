"""One direction of replication: a publication and a slot on one server, a subscription on the other.

The password of the publisher stands in the subscription, there is no other way. Everything here keeps it there.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import hush
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Peer

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql
    from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    import psycopg

# What a server says to a password that is not the right one: so it was reached, over TLS as asked, and lets this login try.
REACHED = "password authentication failed"
WRONG = "not-the-password"
STATE = """
SELECT s.subenabled, s.subslotname, w.pid FROM pg_catalog.pg_subscription s
LEFT JOIN pg_catalog.pg_stat_subscription w ON w.subid = s.oid AND w.relid IS NULL
WHERE s.subname = %s AND s.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""


def conninfo(peer: Peer, dbname: str, application: str) -> str:
    """libpq's keywords, each value quoted: a password may hold any character."""
    known: dict[str, str] = {
        "host": peer.host,
        "port": str(peer.port),
        "dbname": dbname,
        "user": peer.username,
        "password": peer.password,
        "sslmode": peer.sslmode,
        "application_name": application,
        "connect_timeout": "10",
        # A peer that is gone without a word is noticed, so that slot and worker are free again.
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
    }
    if peer.ca_file:
        known["sslrootcert"] = peer.ca_file
    return make_conninfo(**known)


def _probe(session: psycopg.Connection[Any], name: str, publication: str, peer: Peer, dbname: str) -> None:
    """Fail, when this is to fail, with a password that may be written down."""
    harmless = replace(peer, password=WRONG)
    try:
        with session.transaction(force_rollback=True):
            session.execute(_creation(name, publication, harmless, dbname, False))
    except psycopg.Error as error:
        said = " ".join((error.diag.message_primary or str(error)).split())
        if REACHED not in said:
            raise MigrationError(
                f"subscription {name} cannot be made: {said}."
                f" Mend: that server must reach {peer.host}:{peer.port} as {peer.username} (sslmode {peer.sslmode})"
            ) from None


def _refuse_loud(session: psycopg.Connection[Any], doing: str) -> None:
    if settings := hush.loud(session):
        login = session.info.user
        raise MigrationError(
            f"{doing}: the password in it would be written to the log of {session.info.host} ({', '.join(settings)}), and {login} may not"
            f" switch that off. Mend: {hush.mend(settings, login)}"
        )


@contextlib.contextmanager
def _in_words(peer: Peer, doing: str) -> Iterator[None]:
    """An error says everything but the password."""
    try:
        yield
    except psycopg.Error as error:
        said = " ".join((error.diag.message_primary or str(error)).split())
        for secret in (peer.password, peer.password.replace("\\", "\\\\").replace("'", "\\'")):
            said = said.replace(secret, "********") if secret else said
        raise MigrationError(
            f"{doing}: {said}. Mend: that server must reach {peer.host}:{peer.port} as {peer.username} (sslmode {peer.sslmode})"
        ) from None


def _told(session: psycopg.Connection[Any], statement: sql.Composed, peer: Peer, name: str, doing: str) -> list[str]:
    """Give a statement with a password in it. What may have kept it is a notice."""
    try:
        with _in_words(peer, doing):
            session.execute(statement)
        return hush.forget(session, name, session.info.host)
    finally:
        with contextlib.suppress(psycopg.Error):
            session.execute("SELECT 1")  # pg_stat_activity shows the last statement of an idle session


def state(session: psycopg.Connection[Any], name: str) -> tuple[bool, str | None, int | None] | None:
    """Enabled, its slot, its worker; None where there is no such subscription."""
    row = session.execute(STATE, (name,)).fetchone()
    return None if row is None else (bool(row[0]), row[1], row[2])


def create(
    session: psycopg.Connection[Any], name: str, publication: str, peer: Peer, dbname: str, enabled: bool
) -> list[str]:
    """On a slot that is there already, so that nothing is copied and nothing is left out."""
    doing = f"subscription {name} cannot be made"
    _refuse_loud(session, doing)
    if not hush.hushed(session):
        _probe(session, name, publication, peer, dbname)
    return _told(session, _creation(name, publication, peer, dbname, enabled), peer, name, doing)


def _creation(name: str, publication: str, peer: Peer, dbname: str, enabled: bool) -> sql.Composed:
    text = sql.SQL(
        "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {} WITH"
        " (create_slot = false, slot_name = {}, copy_data = false, disable_on_error = true, enabled = {})"
    )
    slot, switch = sql.Literal(name), sql.Literal(enabled)
    given = sql.Literal(conninfo(peer, dbname, name))
    return text.format(sql.Identifier(name), given, sql.Identifier(publication), slot, switch)


def _connection(name: str, peer: Peer, dbname: str) -> sql.Composed:
    given = sql.Literal(conninfo(peer, dbname, name))
    return sql.SQL("ALTER SUBSCRIPTION {} CONNECTION {}").format(sql.Identifier(name), given)


def reconnect(session: psycopg.Connection[Any], name: str, peer: Peer, dbname: str) -> list[str]:
    """Give the subscription the address and the password as they are now."""
    doing = f"subscription {name} cannot be given its connection"
    _refuse_loud(session, doing)
    if not hush.hushed(session):
        # What is refused is refused with a password that may be written down.
        with _in_words(peer, doing), session.transaction(force_rollback=True):
            session.execute(_connection(name, replace(peer, password=WRONG), dbname))
    return _told(session, _connection(name, peer, dbname), peer, name, doing)


def switch(session: psycopg.Connection[Any], name: str, enabled: bool) -> None:
    word = sql.SQL("ENABLE" if enabled else "DISABLE")
    session.execute(sql.SQL("ALTER SUBSCRIPTION {} {}").format(sql.Identifier(name), word))


def stop(session: psycopg.Connection[Any], name: str, nudge: Callable[[], object], patience: float) -> None:
    """Disable, and wait until its worker has gone: from then on nothing is applied any more."""
    if (found := state(session, name)) is None:
        return
    if found[0]:
        switch(session, name, enabled=False)
    deadline = time.monotonic() + patience
    while (found := state(session, name)) and found[2]:
        if time.monotonic() > deadline:
            raise MigrationError(f"the worker of subscription {name} does not end within {patience:.1f} s")
        nudge()  # the worker reads its own row again only when something arrives
        time.sleep(0.01)


def drop(session: psycopg.Connection[Any], name: str) -> bool:
    """Without its slot: that is on the other server, which need not be there any more."""
    if (found := state(session, name)) is None:
        return False
    identifier = sql.Identifier(name)
    if found[0]:
        switch(session, name, enabled=False)
    if found[1] is not None:
        session.execute(sql.SQL("ALTER SUBSCRIPTION {} SET (slot_name = NONE)").format(identifier))
    session.execute(sql.SQL("DROP SUBSCRIPTION {}").format(identifier))
    return True


def slot(session: psycopg.Connection[Any], name: str) -> tuple[bool, str | None, int | None] | None:
    """Active, wal_status, bytes of WAL it may still hold; None where there is no such slot."""
    row = session.execute(
        "SELECT active, wal_status, safe_wal_size FROM pg_catalog.pg_replication_slots WHERE slot_name = %s", (name,)
    ).fetchone()
    return None if row is None else (bool(row[0]), row[1], row[2])


def make_slot(session: psycopg.Connection[Any], name: str) -> None:
    if slot(session, name) is None:
        session.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))


def drop_slot(session: psycopg.Connection[Any], name: str, patience: float = 10.0) -> bool:
    """Also when a subscriber is still connected to it."""
    deadline = time.monotonic() + patience
    while True:
        row = session.execute(
            "SELECT active_pid FROM pg_catalog.pg_replication_slots WHERE slot_name = %s", (name,)
        ).fetchone()
        if row is None:
            return False
        try:
            if row[0]:
                session.execute("SELECT pg_terminate_backend(%s, 1000)", (row[0],))
            session.execute("SELECT pg_drop_replication_slot(%s)", (name,))
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"replication slot {name} is in use by process {row[0]}. Mend: end that process, then run the verb again"
                ) from None
            time.sleep(0.05)
        except psycopg.errors.UndefinedObject:
            return False
        else:
            return True


def publish(session: psycopg.Connection[Any], name: str, tables: Sequence[tuple[str, str]]) -> None:
    """A publication of exactly these tables (schema, name)."""
    names = sql.SQL(", ").join(sql.SQL("ONLY {}").format(sql.Identifier(*table)) for table in tables)
    there = session.execute("SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = %s", (name,)).fetchone()
    if there is None:
        listed = sql.SQL(" FOR TABLE {}").format(names) if tables else sql.SQL("")
        session.execute(sql.SQL("CREATE PUBLICATION {}{}").format(sql.Identifier(name), listed))
    elif tables:
        session.execute(sql.SQL("ALTER PUBLICATION {} SET TABLE {}").format(sql.Identifier(name), names))


def drop_publication(session: psycopg.Connection[Any], name: str) -> bool:
    there = session.execute("SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = %s", (name,)).fetchone()
    session.execute(sql.SQL("DROP PUBLICATION IF EXISTS {}").format(sql.Identifier(name)))
    return there is not None
