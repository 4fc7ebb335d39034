"""The ways between the machines: from the runner to both ends, and from each server to the other as its subscription will take it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import MENDS, connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import hush, subscription
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Peer
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import read, tls
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import report
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Finding

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

# Connects at once, as the real one will, and is undone with its transaction: nothing of it is ever seen by anybody.
PROBE = (
    "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION platform_probe"
    " WITH (connect = true, enabled = false, create_slot = false, slot_name = NONE, copy_data = false)"
)
PATIENCE = "20s"
UNSEEN = ("SET LOCAL track_activities TO off", "SET LOCAL client_min_messages TO error")
# A statement that fails is written to the log, password and all, unless its login was allowed to forbid that.
ALLOWED = """
SELECT r.rolsuper OR coalesce((SELECT bool_or(pg_has_role(oid, 'MEMBER')) FROM pg_catalog.pg_roles
                               WHERE rolname IN ('rds_superuser', 'pg_create_subscription')), false),
       current_setting('log_min_error_statement') IN ('fatal', 'panic')
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user
"""
REPLICATES = """
SELECT r.rolreplication OR r.rolsuper OR coalesce((SELECT bool_or(pg_has_role(oid, 'MEMBER')) FROM pg_catalog.pg_roles
                                                   WHERE rolname IN ('rds_superuser', 'rds_replication')), false)
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user
"""
PEER_MENDS = (
    (
        "must be superuser or replication role",
        "ALTER ROLE {user} REPLICATION (on RDS and Aurora: GRANT rds_replication)",
    ),
    ("replication connection", "ALTER ROLE {user} REPLICATION (on RDS and Aurora: GRANT rds_replication)"),
    ("could not read root certificate", "{side}.ca_file is a path on the subscriber's machine"),
    ("root certificate file", "{side}.ca_file is a path on the subscriber's machine, readable for its server"),
    (
        "no pg_hba.conf entry",
        "allow the subscriber's address, role {user} and TLS in the publisher's pg_hba.conf, and reload it",
    ),
    ("could not translate host name", "the subscriber has to resolve it: give {side}.host as an address"),
    (
        "refused",
        "the publisher listens on that address only for itself (listen_addresses; the ports of its container), or a firewall rejects it",
    ),
    ("timeout", "a security group or route between both servers"),
    ("timed out", "a security group or route between both servers"),
)


def ends(context: Context) -> list[Finding]:
    """What is known without a session: files, dates, passwords."""
    found = []
    for end in (context.ends.source, context.ends.target):
        found += tls.ca_file(end)
    for side, peer in (("publisher", context.ends.publisher), ("returner", context.ends.returner)):
        if any(mark in peer.password for mark in "\n\r\0"):
            found.append(
                Finding(
                    f"{side}.password", "it holds a line break", "give the password alone; any other character is fine"
                )
            )
    return found + [
        Finding("TLS", words, "verify-full and a CA file wherever the client can read one", fatal=False)
        for words in report.unverified(context.ends)
    ]


@contextlib.contextmanager
def reached(end: Endpoint, opened: Any, found: list[Finding]) -> Iterator[psycopg.Connection[Any] | None]:
    """A session, or a finding and None."""
    with contextlib.ExitStack() as stack:
        try:
            session = stack.enter_context(opened())
        except PgConnectError as error:
            problem, _, mend = str(error).removeprefix(f"{end.side} ").partition(". Mend: ")
            # libpq says that a certificate was refused; why, it does not say.
            why = tls.look(end)[0] if "certificate verify failed" in problem else ""
            found.append(Finding(end.side, problem + (f" ({why})" if why else ""), mend))
            yield None
            return
        found += tls.server(end)
        yield session


def legs(context: Context, here: psycopg.Connection[Any], there: psycopg.Connection[Any]) -> list[Finding]:
    """Both directions, each asked of the server that will connect."""
    ends_ = context.ends
    found = _leg(there, "publisher", ends_.publisher, ends_.target, ends_.source)
    found += _leg(here, "returner", ends_.returner, ends_.source, ends_.target)
    for name, session in (("source", here), ("target", there)):
        found += [
            Finding(
                f"{name} pg_hba.conf",
                f"line {row[0]} is wrong ({row[7]}): the file is not read again until it is right",
                "mend the line and reload",
                fatal=False,
            )
            for row in read.hba(session)
            if row[7]
        ]
    return found


def _leg(
    session: psycopg.Connection[Any], side: str, peer: Peer, subscriber: Endpoint, publisher: Endpoint
) -> list[Finding]:
    subject = f"way from the {subscriber.side} to the {publisher.side} at {peer.host}:{peer.port}"
    if settings := hush.loud(session):
        problem = f"the password of the subscription would be written to the log of {subscriber.label} ({', '.join(settings)})"
        found = Finding(subject, problem, hush.mend(settings, subscriber.username))
        return [found, *_login(side, peer, publisher)]
    allowed, unheard = session.execute(ALLOWED).fetchone() or (False, False)
    if not (allowed and unheard):
        why = "its password would be written to the server's log" if allowed else "it may not create a subscription"
        return [
            Finding(
                subject,
                f"{subscriber.username} cannot try it on {subscriber.label}: {why}; the login was tried from this runner instead",
                "the step follow tries it",
                fatal=False,
            ),
            *_login(side, peer, publisher),
        ]
    statement = sql.SQL(PROBE).format(
        sql.Identifier(f"platform_probe_{secrets.token_hex(4)}"),
        sql.Literal(subscription.conninfo(peer, publisher.dbname, "platform_migration/probe")),
    )
    try:
        with session.transaction(force_rollback=True):
            for setting in UNSEEN:
                with contextlib.suppress(psycopg.Error), session.transaction():
                    session.execute(setting)
            session.execute(sql.SQL("SET LOCAL statement_timeout TO {}").format(PATIENCE))
            session.execute(statement)
    except psycopg.Error as error:
        said = " ".join((error.diag.message_primary or str(error)).split()).replace(peer.password, "********")
        return [Finding(subject, f"{said} (as {peer.username}, sslmode {peer.sslmode})", _mend(side, peer, said))]
    kept = [words.partition(". Mend: ") for words in hush.forget(session, "platform_probe_", subscriber.label)]
    return [Finding(subject, problem, mend, fatal=False) for problem, _, mend in kept]


def _mend(side: str, peer: Peer, said: str) -> str:
    signs = [(sign, mend.format(user=peer.username, side=side)) for sign, mend in PEER_MENDS]
    signs += [(sign, mend) for sign, mend in MENDS if "{" not in mend]
    return next((mend for sign, mend in signs if sign in said), f"see {side}, and the log of both servers")


def _login(side: str, peer: Peer, publisher: Endpoint) -> list[Finding]:
    """Password and role of the subscription, on the way that the runner takes; addresses and certificates stay unproved."""
    known = replace(publisher, username=peer.username, password=peer.password)
    subject = f"{side} {peer.username}"
    try:
        with connect(known, "platform_migration/probe") as session:
            row = session.execute(REPLICATES).fetchone()
    except PgConnectError as error:
        problem, _, mend = str(error).partition(". Mend: ")
        return [Finding(subject, problem, mend)]
    if row and row[0]:
        return []
    mend = f"ALTER ROLE {peer.username} REPLICATION (on RDS and Aurora: GRANT rds_replication)"
    return [Finding(subject, f"it may not replicate from the {publisher.side}", mend)]
