"""The verbs that work on a living source: a copy that goes on where it was, and a comparison with a report."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import DifferentError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.forecast import COMPARISON, PASS, note
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.look import claim, look, share_token
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import (
    COPIED,
    COPYING,
    NEW,
    STATE,
    VERIFIED,
    Options,
    Tally,
)

MIB = 1024**2


class Progress:
    """For a person who looks on: `cat progress.json` beside the journal."""

    def __init__(self, journal: Journal, step: str, total: int, before: int = 0) -> None:
        self.journal, self.step, self.total, self.before = journal, step, total, before
        self.began = self.told = time.monotonic()

    def tell(self, done: int, size: int) -> None:
        now = time.monotonic()
        if now - self.told < 1:
            return
        self.told, seconds = now, now - self.began
        rate = done / seconds
        left = max(0, self.total - self.before - done)
        self.journal.write(
            "progress.json",
            {
                "step": self.step,
                "keys": self.before + done,
                "of": self.total,
                "bytes": size,
                "seconds": round(seconds, 1),
                "keys_per_second": round(rate),
                "mib_per_second": round(size / MIB / seconds, 1),
                "eta_seconds": round(left / rate) if rate else None,
            },
            durable=False,
        )


def copy(source: Endpoint, target: Endpoint, options: Options, journal: Journal) -> tuple[str, list[str]]:
    """One pass over all keys. The first writes them, later ones what differs; a killed one goes on at its cursor."""
    found = look(source, target, options, journal)
    found.refuse()
    first = journal.phase in (NEW, COPYING) and not journal.entries.get("copied")
    resume = _resume(journal, found.source.run_id)
    journal.save(phase=COPYING, run_id=found.source.run_id)
    claim(target, journal)
    if options.share_token:
        share_token(source, target)
    leg = Leg(source, target, options)
    progress = Progress(journal, "copy", found.survey.keys[STATE], resume[2])

    def save(db: int, cursor: bytes, tally: Tally) -> None:
        journal.save(cursor=[db, cursor.decode(), resume[2] + tally.keys])
        progress.tell(tally.keys, tally.bytes)

    began = time.monotonic()
    try:
        leg.full_pass(not first, (resume[0], resume[1]), save)
        leg.sweep()
    finally:
        leg.close()
    journal.save(phase=COPIED, copied=True, cursor=None)
    seconds = max(time.monotonic() - began, 0.001)
    tally = leg.tally
    note(journal, PASS, tally.keys, tally.bytes, seconds)
    words = (
        f"{tally.keys} keys, {tally.bytes / MIB:.1f} MiB in {seconds:.1f} s ({tally.keys / seconds:.0f} keys/s): {tally.written} written, "
        f"{tally.deleted} removed, {tally.rebuilt} rebuilt by commands, {tally.pieces} by pieces"
    )
    return words + (f"; went on after {resume[2]} keys" if resume[2] else ""), found.notices


def _resume(journal: Journal, run_id: str) -> tuple[int, bytes, int]:
    """A cursor means something to the server process that gave it only."""
    cursor = journal.entries.get("cursor")
    if not cursor or journal.entries.get("run_id") != run_id:
        return 0, b"0", 0
    return int(cursor[0]), str(cursor[1]).encode(), int(cursor[2])


def verify(source: Endpoint, target: Endpoint, options: Options, journal: Journal) -> dict[str, Any]:
    """Compare everything; any difference is a failure, and the report names it. Writers should be stopped."""
    leg = Leg(source, target, options)
    progress = Progress(journal, "verify", leg.keys())
    began = time.monotonic()
    try:
        found = leg.all_differences(lambda tally: progress.tell(tally.compared, 0))
        kept = leg.count_state()
    finally:
        leg.close()
    report: dict[str, Any] = {
        "source": source.label,
        "source_tls_verified": source.tls,
        "target": target.label,
        "target_tls_verified": target.tls,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": round(time.monotonic() - began, 2),
        "compared": leg.tally.compared,
        "keys_of_target": kept,
        "ttl_tolerance_ms": options.ttl_tolerance,
        "equal": not found,
        "differences": [str(difference) for difference in found],
    }
    journal.write("report.json", report)
    note(journal, COMPARISON, leg.tally.compared, 0, report["seconds"])
    if found:
        journal.save(phase=COPIED)
        headline = "the target is not what the source is (a living source moves on: stop its writers, or use cutover, which holds them)"
        raise DifferentError(headline, report["differences"])
    journal.save(phase=VERIFIED)
    return report
