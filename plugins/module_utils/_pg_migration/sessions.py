"""Sessions that stay open through a cutover: opening one with TLS costs more than most of its steps."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context

if TYPE_CHECKING:
    import psycopg


class Sessions:
    """One for each side, opened when wanted and again after it broke."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._open: dict[str, tuple[contextlib.ExitStack, psycopg.Connection[Any]]] = {}
        self._lost: list[tuple[contextlib.ExitStack, psycopg.Connection[Any]]] = []

    def _get(self, side: str) -> psycopg.Connection[Any]:
        known = self._open.get(side)
        if known and not known[1].closed and not known[1].broken:
            return known[1]
        stack = contextlib.ExitStack()
        session = stack.enter_context(self.context.source() if side == "source" else self.context.target())
        self._open[side] = (stack, session)
        return session

    @property
    def source(self) -> psycopg.Connection[Any]:
        return self._get("source")

    @property
    def target(self) -> psycopg.Connection[Any]:
        return self._get("target")

    def forget(self) -> None:
        """Leave the sessions to whoever hangs in them; the next ones are new."""
        self._lost.extend(self._open.values())  # kept: closing one while another thread waits in it would crash
        self._open = {}

    def close(self) -> None:
        for stack, _ in self._open.values():
            with contextlib.suppress(Exception):
                stack.close()
        self._open = {}
