"""Runs of the site.yml that users run, by phase, and their tables."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.e2e.support import ROOT, Outcome, run

START = "start and inventory"


@dataclass(frozen=True)
class Measured:
    """One run: wall time, tasks, changes, and the seconds of each phase in their order."""

    seconds: float
    tasks: int
    changed: int
    phases: dict[str, float]


def sandbox(verb: str) -> float:
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "sandbox", verb], cwd=ROOT, check=True, stdout=sys.stderr)
    return time.monotonic() - start


def measured(outcome: Outcome) -> Measured:
    if outcome.code != 0:
        raise RuntimeError(outcome.tail())
    told = [phase for phase in outcome.summary["phases"] if phase["tasks"]]
    phases = {phase["name"]: float(phase["seconds"]) for phase in told}
    # What no phase has: Python, the inventory with its question to AWS, parsing.
    phases = {START: max(0.0, outcome.seconds - sum(phases.values())), **phases}
    return Measured(outcome.seconds, sum(phase["tasks"] for phase in told), outcome.changed, phases)


def fresh() -> float:
    """A new sandbox, in which no stage has ever stood; the seconds that it took."""
    sandbox("down")
    shutil.rmtree(ROOT / ".state", ignore_errors=True)
    return sandbox("up")


def again(stage: str) -> Measured:
    """The same command on a stage that is as wanted."""
    found = measured(run(name=f"bench-{stage}-no-change", stage=stage))
    if found.changed:
        raise RuntimeError(f"{stage}: {found.changed} tasks changed something on a stage that was as wanted")
    return found


def span(values: Sequence[float]) -> str:
    """Median, and the least and the most where there are several."""
    median = statistics.median(values)
    return f"{median:.1f}" + (f" ({min(values):.1f}-{max(values):.1f})" if len(values) > 1 else "")


def tables(heads: Sequence[str], sides: Sequence[Sequence[Measured]]) -> list[str]:
    """A row for each kind of run, then a row for each phase."""
    names = list(dict.fromkeys(name for side in sides for name in side[0].phases))
    return [
        "| run | seconds (median, min-max) | tasks | changed | runs |",
        "|---|---|---|---|---|",
        *(_row(head, side) for head, side in zip(heads, sides, strict=True)),
        "",
        f"| phase | {' | '.join(f'{head}, seconds | share' for head in heads)} |",
        f"|---|{'---|---|' * len(heads)}",
        *(_phase_row(name, sides) for name in names),
    ]


def _row(name: str, found: Sequence[Measured]) -> str:
    last = found[-1]
    return f"| {name} | {span([m.seconds for m in found])} | {last.tasks} | {last.changed} | {len(found)} |"


def _phase_row(name: str, sides: Sequence[Sequence[Measured]]) -> str:
    cells = []
    for found in sides:
        seconds = statistics.median(m.phases.get(name, 0.0) for m in found)
        share = statistics.median(100 * m.phases.get(name, 0.0) / m.seconds for m in found)
        cells += [f"{seconds:.1f}", f"{share:.0f}%"]
    return f"| {name} | {' | '.join(cells)} |"
