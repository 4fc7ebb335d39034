"""Ways in which a move says no."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError


class MigrationError(PgError):
    """The step failed; what was there before it is unharmed, and the same verb may be given again."""


class RefusedError(MigrationError):
    """Findings that forbid the step, all at once, each with its mend."""

    def __init__(self, headline: str, findings: Sequence[object]) -> None:
        self.findings = [str(finding) for finding in findings]
        super().__init__(f"{headline}: " + "; ".join(self.findings))


class OrderError(MigrationError):
    """A verb out of its order: says what is done and what comes next."""


class HeldError(MigrationError):
    """Another runner is at work on the same servers."""


class OvertakenError(MigrationError):
    """Another runner has led the move on since; what this one knows is of the past."""


class NoRoomError(MigrationError):
    """A server's disk is full, so that it could not take the mark of the move."""


class StillRunningError(MigrationError):
    """A long verb goes on; whoever waited for it may come again."""


class SnapshotLostError(MigrationError):
    """The snapshot of the seed is gone: going on would mix two moments."""


class RewrittenError(MigrationError):
    """A table of which some ranges of pages were copied was rewritten since: its rows are elsewhere in it now."""

    def __init__(self, label: str, filenode: int) -> None:
        self.label, self.filenode = label, filenode
        super().__init__(
            f"table {label} was rewritten on the source while it was copied (VACUUM FULL, CLUSTER). Mend: run seed again, it copies that table anew"
        )


class SlotLostError(MigrationError):
    """The source has thrown WAL away that the target still needs."""


class DifferenceError(MigrationError):
    """Source and target are not the same."""

    def __init__(self, headline: str, differences: Sequence[str], shown: int = 20) -> None:
        self.differences = list(differences)
        more = len(self.differences) - shown
        text = "; ".join(self.differences[:shown]) + (f"; and {more} more" if more > 0 else "")
        super().__init__(f"{headline}: {text}")


class BudgetError(MigrationError):
    """The freeze would have lasted longer than allowed; the source is open again."""
