"""Refusals of a restore, each with all its reasons."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Finding


class RestoreRefusedError(PgError):
    """Nothing was touched: the move cannot be made as things are."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = [str(finding) for finding in findings]
        count = len(self.findings)
        super().__init__(
            f"the restore cannot begin, nothing was changed; {count} finding{'s' if count > 1 else ''}: "
            + " // ".join(self.findings)
        )


class VerificationError(PgError):
    """The target is not what the source was; it must not be used."""

    def __init__(self, headline: str, differences: Sequence[str]) -> None:
        self.differences = list(differences)
        shown = self.differences[:20]
        more = len(self.differences) - len(shown)
        super().__init__(headline + ": " + " // ".join(shown) + (f" // and {more} more" if more else ""))
