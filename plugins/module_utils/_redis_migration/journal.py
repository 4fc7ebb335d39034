"""The journal of one move of Redis."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._cutover.journal import MoveJournal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError


class Journal(MoveJournal):
    """Where a move stands."""

    error = RedisMoveError

    def restart(self) -> None:
        """The move was given up: the next one between these servers knows nothing of it."""
        self.entries = self.first()
        self.save()

    @property
    def id(self) -> str:
        return str(self.entries["id"])
