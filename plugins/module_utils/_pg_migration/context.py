"""What every verb is given: the two ends, the settings, the journal."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import UNANSWERED, connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Ends, Names, Settings

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Context:
    """One move, as one run of one verb sees it."""

    ends: Ends
    settings: Settings
    journal: Journal

    @property
    def names(self) -> Names:
        return self.journal.names

    @property
    def application(self) -> str:
        return self.names.application

    @contextlib.contextmanager
    def source(self) -> Iterator[psycopg.Connection[Any]]:
        """A session on the source that may write even while the database is read only by default."""
        with connect(self.ends.source, self.application, unanswered=UNANSWERED) as session:
            session.execute("SET default_transaction_read_only TO off")
            yield session

    @contextlib.contextmanager
    def target(self) -> Iterator[psycopg.Connection[Any]]:
        with connect(self.ends.target, self.application, unanswered=UNANSWERED) as session:
            session.execute("SET default_transaction_read_only TO off")
            yield session


def make(ends: Ends, settings: Settings) -> Context:
    """The journal is loaded and agreed by `journal.opened`, not here."""
    return Context(ends, settings, Journal(Path(settings.folder), ends, socket.gethostname()))
