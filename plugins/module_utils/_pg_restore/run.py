"""From a module's parameters to its result: look, decide, do one step or all."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import api, plan, preflight
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.apply import Mover
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.errors import RestoreRefusedError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import (
    FINISHED,
    MARKER_SCHEMA,
    Finding,
    Marker,
    Options,
    Source,
    Target,
)

MIB = 1024**2
PLAN, ALL = "plan", "all"


@dataclass
class Look:
    """What was found, and what is therefore to be done."""

    phase: str
    steps: list[str]
    warnings: list[str]
    source: Source | None = None
    target: Target | None = None
    identity: str = ""
    report: dict[str, Any] = field(default_factory=dict)


def tls_warnings(*ends: Endpoint) -> list[str]:
    return [
        f"{end.side} {end.label}: the server is not verified on this leg (sslmode {end.sslmode})"
        for end in ends
        if not end.verified
    ]


def look(mover: Mover, root: Path) -> Look:
    """Read only. The source is asked only when the target does not already say that it is finished."""
    warnings = tls_warnings(mover.source, mover.target)
    with connect(mover.target, MARKER_SCHEMA) as there:
        marker = api.read_marker(there)
        if plan.finished(marker, mover.source.label):
            return _finished(mover, marker, warnings)
        with connect(mover.source, MARKER_SCHEMA) as here:
            source, target = api.read_source(here), api.read_target(there)
            same = api.same_database(here, there)
    identity = source.server.identity
    if plan.finished(marker, mover.source.label, identity):
        return _finished(mover, marker, warnings)
    runner = api.read_runner(root, target.server.major, mover.options.client_folder)
    findings = preflight.check(source, target, runner, same, mover.options)
    if not same:
        findings += preflight.check_target_content(target, mover.journal.entries)
    return _decide(mover, source, target, findings, warnings)


def _finished(mover: Mover, marker: Marker | None, warnings: list[str]) -> Look:
    steps = [plan.VERIFY] if mover.options.verify == "always" else []
    return Look(FINISHED, steps, warnings, report=marker.report if marker else {})


def _decide(mover: Mover, source: Source, target: Target, findings: list[Finding], warnings: list[str]) -> Look:
    fatal = [finding for finding in findings if finding.fatal]
    if fatal:
        raise RestoreRefusedError(fatal)
    identity = source.server.identity
    phase = plan.next_phase(target, mover.journal.entries, identity, mover.journal.dump_complete)
    warnings += [f"{finding.subject}: {finding.problem}; {finding.mend}" for finding in findings]
    return Look(phase, plan.remaining(phase), warnings, source, target, identity)


def in_words(result: dict[str, Any]) -> str:
    speed = f", {result['bytes'] / MIB:.0f} MiB" if result.get("bytes") else ""
    rows = (
        f", {result['report']['rows']} rows in {len(result['report']['tables'])} tables equal"
        if "report" in result
        else ""
    )
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in result["parts"].items())
    return f"{result['step']}: {result['seconds']:.1f} s{f' ({parts})' if parts else ''}{speed}{rows}"


def restore(source: Endpoint, target: Endpoint, root: Path, options: Options, step: str, check: bool) -> dict[str, Any]:
    """Do one step (or all, or none) and say what was done."""
    mover = Mover(source, target, Journal(root, source.label, target.label), options)
    if check or step == PLAN:
        mover.journal.load()
        return _planned(look(mover, root), check)
    with mover.journal.locked(options.lock_wait):
        seen = look(mover, root)
        wanted = [one for one in seen.steps if step in (ALL, one)]
        done = [_do(mover, seen, one) for one in wanted]
    changed = bool(done) and seen.phase != FINISHED
    message = "; ".join(in_words(result) for result in done) or _nothing(seen, step)
    return {
        "changed": changed,
        "phase": mover.journal.phase if done else seen.phase,
        "remaining": [one for one in seen.steps if one not in wanted],
        "steps": [{key: result[key] for key in ("step", "seconds", "bytes", "parts")} for result in done],
        "report": next((result["report"] for result in done if "report" in result), seen.report),
        "message": message,
        "notices": seen.warnings + [note for result in done for note in result.get("notes", [])],
    }


def _do(mover: Mover, seen: Look, step: str) -> dict[str, Any]:
    if seen.source is None or seen.target is None:
        return mover.verify(again=True)
    if step == seen.steps[0]:
        mover.begin(seen.identity, seen.phase)
    if step == plan.DUMP:
        return mover.dump(seen.source, seen.target)
    if step == plan.RESTORE:
        return mover.restore(seen.source, seen.target)
    return mover.verify()


def _nothing(seen: Look, step: str) -> str:
    return "already moved and verified" if seen.phase == FINISHED else f"{step}: already done"


def _planned(seen: Look, check: bool) -> dict[str, Any]:
    estimate = plan.estimate(seen.source, seen.steps) if seen.source else {}
    message = "already moved and verified" if not seen.steps else f"to do: {', '.join(seen.steps)}"
    if seen.source:
        message += f"; {seen.source.table_bytes / MIB:.0f} MiB of tables, about {sum(estimate.values())} s"
    return {
        "changed": check and bool(seen.steps) and seen.phase != FINISHED,
        "phase": seen.phase,
        "remaining": seen.steps,
        "estimate": estimate,
        "steps": [],
        "report": seen.report,
        "message": message,
        "notices": seen.warnings,
    }
