"""What was compared, how and with what outcome: for machines and for people. No row data, except the keys of differing rows."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.journal import MoveJournal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Ends
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.compare import Comparison, Result
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.page import page

JSON, HTML = "report.json", "report.html"
METHODS = {"columns": "hash_record_extended", "text": "hashtextextended of the row's text"}


def path(journal: MoveJournal) -> Path:
    return journal.folder / HTML


def legs(ends: Ends) -> list[dict[str, Any]]:
    """Every connection that data takes, and whether the server at its end is proved to be the one meant."""
    return [
        {"leg": f"runner to {end.side} {end.label}", "sslmode": end.sslmode, "verified": end.verified}
        for end in (ends.source, ends.target)
    ] + [
        {
            "leg": f"{a} to {b} {peer.host}:{peer.port} (subscription)",
            "sslmode": peer.sslmode,
            "verified": peer.verified,
        }
        for a, b, peer in (("target", "source", ends.publisher), ("source", "target", ends.returner))
    ]


def unverified(ends: Ends) -> list[str]:
    return [
        f"{one['leg']}: the server's certificate is not verified on this leg (sslmode {one['sslmode']})"
        for one in legs(ends)
        if not one["verified"]
    ]


def _table(one: Result) -> dict[str, Any]:
    return {
        "name": one.subject.label,
        "rows": one.rows,
        "hashes": [str(value) for value in one.sums],
        "method": METHODS[one.subject.method],
        "key": [column.name for column in one.subject.key],
        "ranges": one.ranges,
        "seconds": round(one.seconds, 3),
        "set_aside": one.set_aside,
        "again_in_freeze": one.whole_again,
        "differences": one.faults + ([f"{one.more} more rows"] if one.more else []),
    }


def of(
    context: Context, leg: Leg, comparison: Comparison, differences: list[str], notices: list[str], seconds: float
) -> dict[str, Any]:
    results = list(comparison.results.values())
    return {
        "verdict": "different" if differences else "the same",
        "move": context.journal.entries["id"],
        "source": context.journal.source,
        "target": context.journal.target,
        "direction": leg.direction,
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": round(seconds, 2),
        "rows": sum(one.rows[0] for one in results),
        "set_aside": sum(one.set_aside for one in results),
        "tables": [_table(one) for one in results],
        "tls": legs(context.ends),
        "notices": notices,
        "differences": differences,
        "frozen": None,
    }


def write(journal: MoveJournal, outcome: dict[str, Any]) -> None:
    """Both forms, for us only."""
    journal.write(JSON, outcome, durable=False)
    temporary = journal.folder / f".{HTML}.new"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        handle.write(page(outcome))
    temporary.replace(journal.folder / HTML)


def read(journal: MoveJournal) -> dict[str, Any]:
    """The last report, or an empty one."""
    found = journal.read(JSON)
    return found if isinstance(found, dict) else {}


def add_frozen(journal: MoveJournal, outcome: dict[str, Any]) -> None:
    """What the comparison in the freeze said, beside what the online one had said."""
    known = read(journal)
    if known.get("move") != journal.entries["id"]:
        known = {
            "move": journal.entries["id"],
            "source": journal.source,
            "target": journal.target,
            "tables": [],
            "tls": [],
            "notices": [],
            "differences": [],
            "rows": outcome["rows"],
            "seconds": outcome["seconds"],
        }
    known["frozen"] = outcome
    known["verdict"] = "different" if outcome["differences"] else "the same"
    known["written"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    write(journal, known)
