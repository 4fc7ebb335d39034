"""Connecting as a subscription will, from the server that will connect, with nothing of it left."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import MENDS
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import hush, subscription
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Peer

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

NAME = "platform_probe_"
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
PEER_MENDS = (
    (
        "must be superuser or replication role",
        "ALTER ROLE {user} REPLICATION (on RDS and Aurora: GRANT rds_replication)",
    ),
    ("replication connection", "ALTER ROLE {user} REPLICATION (on RDS and Aurora: GRANT rds_replication)"),
    ("could not read root certificate", "{side}.ca_file is a path on the subscriber's machine"),
    ("root certificate file", "{side}.ca_file is a path on the subscriber's machine, readable for its server"),
    (
        "certificate verify failed",
        "{side}.ca_file, on the subscriber's machine, has to hold the authority of the publisher's certificate, and neither may have expired",
    ),
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


def forbidden(session: psycopg.Connection[Any]) -> str:
    """Why this login cannot try; empty where it can."""
    hush.quieten(session)
    allowed, unheard = session.execute(ALLOWED).fetchone() or (False, False)
    if allowed and unheard:
        return ""
    return "its password would be written to the server's log" if allowed else "it may not create a subscription"


def said(session: psycopg.Connection[Any], peer: Peer, dbname: str) -> str:
    """What the server says to it, without the password; empty when it connects."""
    statement = sql.SQL(PROBE).format(
        sql.Identifier(f"{NAME}{secrets.token_hex(4)}"),
        sql.Literal(subscription.conninfo(peer, dbname, "platform_migration/probe")),
    )
    try:
        with session.transaction(force_rollback=True):
            for setting in UNSEEN:
                with contextlib.suppress(psycopg.Error), session.transaction():
                    session.execute(setting)
            session.execute(sql.SQL("SET LOCAL statement_timeout TO {}").format(PATIENCE))
            session.execute(sql.SQL("SET LOCAL transaction_read_only TO off"))
            session.execute(statement)
    except psycopg.Error as error:
        return " ".join((error.diag.message_primary or str(error)).split()).replace(peer.password, "********")
    return ""


def mend(side: str, peer: Peer, words: str) -> str:
    signs = [(sign, text.format(user=peer.username, side=side)) for sign, text in PEER_MENDS]
    signs += [(sign, text) for sign, text in MENDS if "{" not in text]
    return next((text for sign, text in signs if sign in words), f"see {side}, and the log of both servers")


def reason(session: psycopg.Connection[Any], side: str, peer: Peer, dbname: str) -> str:
    """Why a subscription that is there does not connect, with the mend; empty when that cannot be found out this way, or it can connect."""
    try:
        if hush.loud(session) or forbidden(session):
            return ""
        words = said(session, peer, dbname)
        hush.forget(session, NAME, session.info.host)
    except psycopg.Error:
        return ""
    return f"{words}. Mend: {mend(side, peer, words)}" if words else ""
