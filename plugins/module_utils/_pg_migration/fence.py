"""One runner at a time: a lock on both servers for as long as a verb runs, which goes with the session that holds it.

The lock of the journal's folder keeps runs of one runner apart; this one keeps runners apart.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import UNANSWERED, connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import HeldError

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg

if TYPE_CHECKING:
    import psycopg

KEY = (0x706D6967, 1)  # of this database only: advisory locks belong to one
BEAT = 0.2
GRACE = 2.0  # seconds that the session of a run that just ended may take to go, or that of one that was killed
NAME_LENGTH = 63  # what a server keeps of an application_name
HOLDER = """
SELECT a.pid, coalesce(a.application_name, ''), coalesce(extract(epoch FROM clock_timestamp() - a.backend_start), 0)::int
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %s AND l.objid = %s AND l.objsubid = 2
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
"""
Sessions = dict[str, "psycopg.Connection[Any]"]


def name(application: str, runner: str) -> str:
    """What the holder's session is called: a cutover leaves it alone, and another runner reads whose it is."""
    return f"{application}/held by {runner}"[:NAME_LENGTH]


@contextlib.contextmanager
def hold(ends: Sequence[Endpoint], application: str, runner: str, patience: float) -> Iterator[Sessions]:
    """The lock on every server that can be reached, in this order; the sessions that hold it, by side."""
    deadline = time.monotonic() + max(patience, GRACE)
    held: Sessions = {}
    try:
        for end in ends:
            session = _take(end, name(application, runner), deadline, [one.info.backend_pid for one in held.values()])
            if session is not None:
                held[end.side] = session
        yield held
    finally:
        for session in held.values():
            with contextlib.suppress(psycopg.Error):
                session.close()


def _take(end: Endpoint, called: str, deadline: float, ours: Sequence[int]) -> psycopg.Connection[Any] | None:
    """None when the server cannot be reached: it may be gone for good, or be what the verb will complain about."""
    while True:
        try:
            session = connect(end, called, unanswered=UNANSWERED)
        except PgConnectError:
            return None
        try:
            found = session.execute("SELECT pg_catalog.pg_try_advisory_lock(%s, %s)", KEY).fetchone()
            holder = None if found and found[0] else session.execute(HOLDER, KEY).fetchone()
            if (found and found[0]) or (holder and holder[0] in ours):
                return session
        except psycopg.Error:  # a freeze ends every session that is not its own
            holder = None
        session.close()
        if time.monotonic() >= deadline:
            raise HeldError(_words(end, holder))
        time.sleep(BEAT)


def _words(end: Endpoint, holder: Any) -> str:
    runner = str(holder[1]).rpartition("/held by ")[2] if holder else "a runner that just ended"
    age = f", for {holder[2]} s" if holder else ""
    return (
        f"{end.side} {end.label}: another run of a move is at work, on {runner}{age}. Mend: let it end, or stop it there;"
        " what a lost runner held is free a minute after it was lost"
    )
