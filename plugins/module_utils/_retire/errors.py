"""Ways in which taking the old stores away says no."""

from __future__ import annotations

from collections.abc import Sequence


class RetireError(Exception):
    """What went wrong, and how to mend it, in one sentence for a person."""


class RefusedError(RetireError):
    """Reasons that forbid it, all at once, each with its mend. Nothing was touched."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = list(reasons)
        count = f"{len(self.reasons)} reason{'s' if len(self.reasons) > 1 else ''}"
        super().__init__(f"the old stores stay, nothing was touched; {count}: " + " // ".join(self.reasons))
