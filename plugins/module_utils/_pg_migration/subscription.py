"""One direction of replication: a publication and a slot on one server, a subscription on the other.

The password of the publisher stands in the subscription, there is no other way. Everything here keeps it there.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Peer

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql
    from psycopg.conninfo import make_conninfo

if TYPE_CHECKING:
    import psycopg

# A statement with a password in it must not be written down by the server, neither when it succeeds nor when it fails.
QUIET = (
    "SET log_statement TO none",
    "SET log_min_error_statement TO panic",
    "SET log_min_duration_statement TO -1",
    "SET log_duration TO off",
    "SET pg_stat_statements.track_utility TO off",
    "SET pgaudit.log TO none",
    "SET auto_explain.log_min_duration TO -1",
)
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


def quieten(session: psycopg.Connection[Any]) -> None:
    """As far as this login is allowed to."""
    for statement in QUIET:
        with contextlib.suppress(psycopg.Error):
            session.execute(statement)


def hushed(session: psycopg.Connection[Any]) -> bool:
    """Whether a statement that fails stays out of this server's log. Only some logins may see to that."""
    quieten(session)
    row = session.execute("SELECT current_setting('log_min_error_statement') IN ('fatal', 'panic')").fetchone()
    return bool(row and row[0])


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


def _told(session: psycopg.Connection[Any], statement: sql.Composed, peer: Peer, doing: str) -> None:
    """Give a statement with a password in it; an error says everything but that."""
    quieten(session)
    try:
        session.execute(statement)
    except psycopg.Error as error:
        said = " ".join((error.diag.message_primary or str(error)).split())
        for secret in (peer.password, peer.password.replace("\\", "\\\\").replace("'", "\\'")):
            said = said.replace(secret, "********") if secret else said
        raise MigrationError(
            f"{doing}: {said}. Mend: that server must reach {peer.host}:{peer.port} as {peer.username} (sslmode {peer.sslmode})"
        ) from None
    finally:
        with contextlib.suppress(psycopg.Error):
            session.execute("SELECT 1")  # pg_stat_activity shows the last statement of an idle session


def state(session: psycopg.Connection[Any], name: str) -> tuple[bool, str | None, int | None] | None:
    """Enabled, its slot, its worker; None where there is no such subscription."""
    row = session.execute(STATE, (name,)).fetchone()
    return None if row is None else (bool(row[0]), row[1], row[2])


def create(
    session: psycopg.Connection[Any], name: str, publication: str, peer: Peer, dbname: str, enabled: bool
) -> None:
    """On a slot that is there already, so that nothing is copied and nothing is left out."""
    if not hushed(session):
        _probe(session, name, publication, peer, dbname)
    statement = _creation(name, publication, peer, dbname, enabled)
    _told(session, statement, peer, f"subscription {name} cannot be made")


def _creation(name: str, publication: str, peer: Peer, dbname: str, enabled: bool) -> sql.Composed:
    text = sql.SQL(
        "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {} WITH"
        " (create_slot = false, slot_name = {}, copy_data = false, disable_on_error = true, enabled = {})"
    )
    slot, switch = sql.Literal(name), sql.Literal(enabled)
    given = sql.Literal(conninfo(peer, dbname, name))
    return text.format(sql.Identifier(name), given, sql.Identifier(publication), slot, switch)


def reconnect(session: psycopg.Connection[Any], name: str, peer: Peer, dbname: str) -> None:
    """Give the subscription the address and the password as they are now."""
    given = sql.Literal(conninfo(peer, dbname, name))
    statement = sql.SQL("ALTER SUBSCRIPTION {} CONNECTION {}").format(sql.Identifier(name), given)
    _told(session, statement, peer, f"subscription {name} cannot be given its connection")


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
