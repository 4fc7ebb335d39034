"""Sessions on a server: one way to open them, one translation of what can go wrong."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg import certificate
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError

try:
    import psycopg
    from psycopg import sql

    HAS_PSYCOPG = True
except ImportError:
    HAS_PSYCOPG = False

# Text output must not depend on whose server prints it, and a policy must raise an error, never hide rows.
SESSION = """
SET search_path TO ''; SET row_security TO off; SET datestyle TO 'ISO, YMD'; SET intervalstyle TO postgres;
SET timezone TO 'UTC'; SET extra_float_digits TO 1; SET bytea_output TO hex; SET lc_monetary TO 'C';
SET statement_timeout TO 0; SET idle_in_transaction_session_timeout TO 0; SET client_encoding TO 'UTF8';
SET tcp_keepalives_idle TO 15; SET tcp_keepalives_interval TO 5; SET tcp_keepalives_count TO 6
"""
# A peer that is gone without a word is noticed in about half a minute, idle or not; else a session would wait for the kernel's many minutes.
# The server is asked for the same above: what a lost client held is free again. Not tcp_user_timeout there, nor here where rows are copied:
# it also ends a session whose peer only takes its time to read.
KEEPALIVES: dict[str, Any] = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
REFUSED = "certificate verify failed"
UNANSWERED = 30000  # milliseconds that sent bytes may stay without an acknowledgement, in a session of short statements

MENDS = (
    (
        "has expired",
        "renew what has expired: the authority in {ca} (role data_runner copies it), or the server's certificate",
    ),
    ("is not yet valid", "see the runner's clock, else the authority in {ca} and the server's certificate"),
    ("certificate verify failed", "the server's certificate is not signed by {ca}: give the right CA file"),
    ("server certificate for", "the certificate names another host: connect by the name it was issued for"),
    ("root certificate file", "the CA file {ca} is not there: role data_runner copies it"),
    ("does not support SSL", "switch TLS on at the server, or choose another sslmode for this leg and say so"),
    ("password authentication failed", "the secret's username or password is not what the server has"),
    ("no pg_hba.conf entry", "allow this runner's address (and its TLS) in the server's pg_hba.conf"),
    ("does not exist", "the secret or the facts name a database or role that is not there"),
    ("could not translate host name", "the name resolves inside the network only: run on a host inside the VPC"),
    ("refused", "nothing listens there, or a security group rejects it"),
    ("timeout", "no answer: a security group or route between this runner and the server"),
    ("too many clients", "the server has no connection left: raise max_connections or stop other clients"),
)


def explain(where: Endpoint, reason: str) -> str:
    """A connection failure in one sentence, with its mend."""
    text = " ".join(reason.split())
    if REFUSED in text and (why := certificate.look(where)[0]):
        text += f" ({why})"
    mend = next((mend for sign, mend in MENDS if sign in text), "see the server's log")
    return f"{where.side} {where.label} as {where.username}: {text}. Mend: {mend.format(ca=where.ca_file or '(none)')}"


def connect(where: Endpoint, application: str, autocommit: bool = True, unanswered: int = 0) -> psycopg.Connection[Any]:
    """Open a session that is set up for comparing and copying."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]  # a stray PGSSLMODE or PGOPTIONS must not weaken what was asked for
    try:
        parameters: dict[str, Any] = dict(where.parameters())
        connection = psycopg.connect(
            **parameters,
            password=where.password,
            application_name=application,
            connect_timeout=10,
            **KEEPALIVES,
            tcp_user_timeout=unanswered,
            autocommit=True,
        )
        connection.execute(SESSION)
    except psycopg.Error as error:
        raise PgConnectError(explain(where, str(error))) from None
    connection.autocommit = autocommit
    return connection


def name(*parts: str) -> sql.Identifier:
    return sql.Identifier(*parts)
