"""What can go wrong with the containers of a project, in words that name the object and the mend."""

from __future__ import annotations

from collections.abc import Sequence


class ComposeError(Exception):
    """The project cannot be brought to its desired state."""


class GateError(ComposeError):
    """A container did not become healthy."""

    def __init__(self, container: str, reason: str, lines: Sequence[str]) -> None:
        self.container, self.reason, self.lines = container, reason, list(lines)
        last = "\n  ".join(["", *self.lines]) if self.lines else " (nothing)"
        super().__init__(f"{container} {reason}. Its last lines:{last}")
