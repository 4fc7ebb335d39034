"""The process that makes the slot and keeps its snapshot: the snapshot lives as long as this connection says nothing else."""

from __future__ import annotations

import contextlib
import select
import time
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import explain
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import SnapshotLostError

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import pq

SNAPSHOT = "snapshot.json"
# The walsender waits inside a transaction, for hours: none of the server's habits may end it.
OPTIONS = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0 -c lock_timeout=0"
KEEPALIVE = {"keepalives": "1", "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "5"}


def application(context: Context) -> str:
    return f"{context.application}/snapshot"


def _replication(where: Endpoint, who: str) -> psycopg.Connection[Any]:
    parameters: dict[str, Any] = {**where.parameters(), **KEEPALIVE}
    try:
        return psycopg.connect(
            **parameters, password=where.password, application_name=who, connect_timeout=10, replication="database", options=OPTIONS, autocommit=True
        )  # fmt: skip
    except psycopg.Error as error:
        raise PgConnectError(explain(where, str(error))) from None


def hold(context: Context, arguments: dict[str, Any]) -> dict[str, Any]:
    """Make the slot, write its snapshot down, and stay until told to stop or until the connection is gone."""
    connection = _replication(context.ends.source, application(context)).pgconn
    connection.nonblocking = 0
    # Only the simple protocol is understood here; the name holds nothing that would need quoting.
    result = connection.exec_(
        f"CREATE_REPLICATION_SLOT \"{context.names.slot}\" LOGICAL pgoutput (SNAPSHOT 'export')".encode()
    )
    if result.status != pq.ExecStatus.TUPLES_OK:
        raise PgConnectError(f"slot {context.names.slot} was not made: {result.error_message.decode().strip()}")
    _, point, snapshot, _ = ((result.get_value(0, column) or b"").decode() for column in range(4))
    context.journal.write(
        SNAPSHOT,
        {
            "snapshot": snapshot,
            "lsn": point,
            "slot": context.names.slot,
            "backend": connection.backend_pid,
            "made": time.time(),
        },
    )
    while True:  # nothing is ever said on it; what comes in is a notice, or the end
        select.select([connection.socket], [], [])
        try:
            connection.consume_input()
        except psycopg.OperationalError as error:
            raise SnapshotLostError(
                f"the connection that keeps the snapshot ended: {' '.join(str(error).split())}"
            ) from None
