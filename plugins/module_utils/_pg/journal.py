"""The journal of one move of PostgreSQL, with or without downtime."""

from __future__ import annotations

from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._cutover import journal
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError


class MoveJournal(journal.MoveJournal):
    """Beside phases also what each step took."""

    error = PgError

    def first(self) -> dict[str, Any]:
        return {**super().first(), "steps": []}

    def record(self, result: dict[str, Any]) -> None:
        """The last time a step was done is the one that counts."""
        steps = [entry for entry in self.entries["steps"] if entry["step"] != result["step"]]
        self.entries["steps"] = [*steps, result]
