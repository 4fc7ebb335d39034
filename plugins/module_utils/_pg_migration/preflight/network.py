"""The ways between the machines: from the runner to both ends, and from each server to the other as its subscription will take it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import hush, probe
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Peer
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import read, tls
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import report
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Finding

if TYPE_CHECKING:
    import psycopg

REPLICATES = """
SELECT r.rolreplication OR r.rolsuper OR coalesce((SELECT bool_or(pg_has_role(oid, 'MEMBER')) FROM pg_catalog.pg_roles
                                                   WHERE rolname IN ('rds_superuser', 'rds_replication')), false)
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user
"""


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
            found.append(Finding(end.side, problem, mend))
            yield None
            return
        found += tls.server(end)
        yield session


def legs(context: Context, here: psycopg.Connection[Any], there: psycopg.Connection[Any]) -> list[Finding]:
    """Both directions, each asked of the server that will connect."""
    ends_ = context.ends
    found = tls.peer_file(there, "publisher", ends_.publisher) + tls.peer_file(here, "returner", ends_.returner)
    found += _leg(there, "publisher", ends_.publisher, ends_.target, ends_.source)
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
    if why := probe.forbidden(session):
        return [
            Finding(
                subject,
                f"{subscriber.username} cannot try it on {subscriber.label}: {why}; the login was tried from this runner instead",
                "the step follow tries it",
                fatal=False,
            ),
            *_login(side, peer, publisher),
        ]
    if said := probe.said(session, peer, publisher.dbname):
        return [Finding(subject, f"{said} (as {peer.username}, sslmode {peer.sslmode})", probe.mend(side, peer, said))]
    kept = [words.partition(". Mend: ") for words in hush.forget(session, probe.NAME, subscriber.label)]
    return [Finding(subject, problem, mend, fatal=False) for problem, _, mend in kept]


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
