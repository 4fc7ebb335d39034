"""What stands between the applications and the servers."""

from __future__ import annotations

from typing import Protocol

OLD, NEW_SIDE = "old", "new"


class Switch(Protocol):
    """A proxy with one server per side."""

    def active(self) -> str:
        """The side that new connections go to."""

    def activate(self, side: str) -> None:
        """New connections go to `old` or `new`, now and after a restart."""

    def cut(self, side: str) -> None:
        """End the connections that are at this side."""
