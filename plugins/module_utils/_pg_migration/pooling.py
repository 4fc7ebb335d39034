"""The pooler in front of both servers, as a move needs it: hold everybody, lead them elsewhere, let them go on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Pooler
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer import switch
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.admin import Console
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.errors import PgBouncerError
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.model import Server


class Holder(Protocol):
    """Every method may be called again."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def point(self, end: Endpoint) -> None: ...
    def check(self, end: Endpoint, other: Endpoint) -> None: ...


class Nobody:
    """Applications talk to the server themselves."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def point(self, end: Endpoint) -> None: ...
    def check(self, end: Endpoint, other: Endpoint) -> None: ...


@dataclass(frozen=True)
class PgBouncer:
    known: Pooler

    @property
    def console(self) -> Console:
        return Console(self.known.admin_socket, self.known.admin_port)

    def pause(self) -> None:
        try:
            self.console.pause(self.known.database, self.known.pause_timeout)
        except PgBouncerError as error:
            raise MigrationError(str(error)) from None

    def resume(self) -> None:
        try:
            self.console.resume(self.known.database)
        except PgBouncerError as error:
            raise MigrationError(str(error)) from None

    def point(self, end: Endpoint) -> None:
        """Only where the database is; logins and pools stay as the role pgbouncer wrote them."""
        try:
            now = self._entry()
            there = replace(now, host=end.host, port=end.port, dbname=end.dbname)
            switch.switch(self.console, self.known.database, there, self.known.active_file)
        except PgBouncerError as error:
            raise MigrationError(str(error)) from None

    def check(self, end: Endpoint, other: Endpoint) -> None:
        """Before anything is frozen: it answers, and leads where we think that it does.

        It may know `end` by another address than we do, so that only port and database can be compared; the other end's it must not have.
        """
        try:
            entry = self._entry()
            self.console.database(self.known.database)
        except PgBouncerError as error:
            raise MigrationError(str(error)) from None
        elsewhere = (entry.host, entry.port, entry.dbname) == (
            other.host,
            other.port,
            other.dbname,
        ) and entry.host != end.host
        if elsewhere or (entry.port, entry.dbname) != (end.port, end.dbname):
            raise MigrationError(
                f"PgBouncer leads {self.known.database} to {entry.label}, not to the {end.side} {end.label}."
                f" Mend: {self.known.active_file} has to name the {end.side}, or leave the pooler out"
            )

    def _entry(self) -> Server:
        found = switch.read(self.known.active_file).get(self.known.database)
        if found is None:
            raise PgBouncerError(
                f"{self.known.active_file} does not name the database {self.known.database}. Mend: run the role pgbouncer"
            )
        return found


def make(context: Context) -> Holder:
    return PgBouncer(context.settings.pooler) if context.settings.pooler.database else Nobody()
