"""PgBouncer's admin console: the only place that gives it commands.

The console is reached by the Unix socket only, as the system user that PgBouncer runs as: PgBouncer lets that user in
as `pgbouncer` without a password, so that there is no password to keep.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.errors import PauseTimeoutError, PgBouncerError

try:
    import psycopg
    from psycopg.pq import ExecStatus

    HAS_PSYCOPG = True
except ImportError:
    HAS_PSYCOPG = False

ADMIN = "pgbouncer"
CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Console:
    """How the console of one PgBouncer is reached."""

    socket_dir: str = "/run/pgbouncer"
    port: int = 6432
    system_user: str = "postgres"

    def pause(self, database: str, seconds: float) -> float:
        """Hold new transactions and wait for the running ones; return how long that took.

        When they do not end within `seconds`, the database is resumed before the error is raised: PgBouncer itself
        would stay paused, even with the console closed.
        """
        began = time.monotonic()
        with self._session() as session:
            try:
                done = _ask(session, f"PAUSE {_name(database)}", seconds)
            except PgBouncerError as error:
                if "already suspended/paused" in str(error):
                    done = self._await_paused(database, began + seconds)
                else:
                    raise
        if done:
            return time.monotonic() - began
        self.resume(database)
        raise PauseTimeoutError(
            f"transactions on database {database} of PgBouncer did not end within {seconds:g} s, so it was resumed and "
            "nothing is held back. Mend: end long transactions (SHOW SERVERS on the console names them), or allow more time."
        )

    def resume(self, database: str) -> bool:
        """Let waiting clients go on; safe to repeat. Say whether it was paused."""
        with self._session() as session:
            try:
                _ask(session, f"RESUME {_name(database)}", CONNECT_SECONDS)
            except PgBouncerError as error:
                if "not paused" in str(error):
                    return False
                raise
        return True

    def reload(self) -> None:
        """Read the configuration again. Connections whose server changed are closed as they become idle."""
        with self._session() as session:
            _ask(session, "RELOAD", CONNECT_SECONDS)

    def show(self, what: str) -> list[dict[str, str]]:
        """SHOW DATABASES, POOLS, CLIENTS, SERVERS, CONFIG, VERSION ... as rows."""
        if not what.isalpha():
            raise PgBouncerError(f"{what!r} is not something that PgBouncer shows")
        with self._session() as session:
            return _rows(session, f"SHOW {what}")

    def database(self, name: str) -> dict[str, str]:
        """The row of one database: host, port, database, paused, current_connections ..."""
        for row in self.show("DATABASES"):
            if row["name"] == name:
                return row
        raise PgBouncerError(
            f"PgBouncer has no database {name}. Mend: declare it in pgbouncer_databases and run the role pgbouncer."
        )

    def _await_paused(self, database: str, until: float) -> bool:
        """A pause that another session asked for is as good as one of our own."""
        while self._busy(database):
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def _busy(self, database: str) -> bool:
        return any(row["database"] == database and row["state"] == "active" for row in self.show("SERVERS"))

    @contextlib.contextmanager
    def _session(self) -> Iterator[psycopg.Connection[Any]]:
        for name in [name for name in os.environ if name.startswith("PG")]:
            del os.environ[name]  # PGOPTIONS, for one, is something that the console refuses
        with _as_user(self.system_user):
            try:
                session = psycopg.connect(
                    host=self.socket_dir,
                    port=self.port,
                    dbname=ADMIN,
                    user=ADMIN,
                    connect_timeout=CONNECT_SECONDS,
                    autocommit=True,
                )
            except psycopg.Error as error:
                raise PgBouncerError(
                    f"the console of PgBouncer at {self.socket_dir}, port {self.port}, does not let us in: "
                    f"{' '.join(str(error).split())}. Mend: systemctl status pgbouncer; it must run as {self.system_user}."
                ) from None
        try:
            yield session
        finally:
            session.close()


@contextlib.contextmanager
def _as_user(name: str) -> Iterator[None]:
    """PgBouncer compares the effective user of the caller with its own."""
    try:
        wanted = pwd.getpwnam(name).pw_uid
    except KeyError:
        raise PgBouncerError(f"there is no system user {name} here. Mend: install PgBouncer (role pgbouncer)") from None
    mine = os.geteuid()
    if mine == wanted:
        yield
        return
    try:
        os.seteuid(wanted)
    except PermissionError:
        raise PgBouncerError(f"only root and {name} reach PgBouncer's console. Mend: become root") from None
    try:
        yield
    finally:
        os.seteuid(mine)


def _name(database: str) -> str:
    return '"' + database.replace('"', '""') + '"'


def _rows(session: psycopg.Connection[Any], command: str) -> list[dict[str, str]]:
    # The raw protocol: the console answers everything as text, and knows neither types nor transactions.
    result = session.pgconn.exec_(command.encode())
    if result.status != ExecStatus.TUPLES_OK:
        raise PgBouncerError(_complaint(command, result.error_message))
    names = [(result.fname(column) or b"").decode() for column in range(result.nfields)]
    return [
        {name: (result.get_value(row, column) or b"").decode() for column, name in enumerate(names)}
        for row in range(result.ntuples)
    ]


def _ask(session: psycopg.Connection[Any], command: str, seconds: float) -> bool:
    """Give a command and await its end; false when that takes longer than `seconds`."""
    until = time.monotonic() + seconds
    raw = session.pgconn
    raw.send_query(command.encode())
    while raw.is_busy():
        left = until - time.monotonic()
        if left <= 0 or not select.select([raw.socket], [], [], left)[0]:
            return False
        raw.consume_input()
    while result := raw.get_result():
        if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise PgBouncerError(_complaint(command, result.error_message))
    return True


def _complaint(command: str, message: bytes) -> str:
    return f"PgBouncer refused {command}: {' '.join(message.decode(errors='replace').split())}"
