"""The one exception of this package, caught once in each module."""

from __future__ import annotations

from typing import Any


class K3sError(Exception):
    """A fault a person can mend; `facts` goes into the module's answer beside the message."""

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.facts = facts


def fail_on(faults: list[str], heading: str) -> None:
    """Raise all faults at once, each on its own line."""
    if faults:
        raise K3sError("\n  - ".join([heading, *faults]), faults=faults)
