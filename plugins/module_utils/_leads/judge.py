"""Whether applications are led to the servers that an inventory declares, or to where their data have moved. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Lead:
    """One database or one Redis, and the server that this host leads its applications to."""

    what: str  # in words
    host: str
    port: int
    file: str

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"


Same = Callable[[str, str], bool]


def elsewhere(leads: Sequence[Lead], declared: Sequence[str], same: Same) -> list[Lead]:
    """Those that lead to none of the declared hosts."""
    return [lead for lead in leads if not any(same(lead.host, host) for host in declared)]


def sentence(lead: Lead, journals: Sequence[Mapping[str, Any]]) -> str:
    """What a person needs to know about one of them."""
    return f"{lead.what} {_moved(lead, journals)} {lead.place} ({lead.file})"


def _moved(lead: Lead, journals: Sequence[Mapping[str, Any]]) -> str:
    for journal in journals:
        if str(journal.get("target", "")).split("/")[0] == lead.place:
            at = (journal.get("measured") or {}).get("at", "")
            return f"moved{f' on {at}' if at else ''} to"
    return "is led to"
