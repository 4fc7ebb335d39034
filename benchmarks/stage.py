"""The whole stage `k3s`: from an empty account, and again without any change, by the site.yml that users run."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from tests.e2e.support import ROOT, SANDBOX, Outcome, run

START = "start and inventory"


@dataclass(frozen=True)
class Measured:
    """One run: wall time, tasks, changes, and the seconds of each phase in their order."""

    seconds: float
    tasks: int
    changed: int
    phases: dict[str, float]


def _sandbox(verb: str) -> float:
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "sandbox", verb], cwd=ROOT, check=True, stdout=sys.stderr)
    return time.monotonic() - start


def _measured(outcome: Outcome) -> Measured:
    if outcome.code != 0:
        raise RuntimeError(outcome.tail())
    told = [phase for phase in outcome.summary["phases"] if phase["tasks"]]
    phases = {phase["name"]: float(phase["seconds"]) for phase in told}
    # What no phase has: Python, the inventory with its question to AWS, parsing.
    phases = {START: max(0.0, outcome.seconds - sum(phases.values())), **phases}
    return Measured(outcome.seconds, sum(phase["tasks"] for phase in told), outcome.changed, phases)


def cold() -> tuple[float, Measured]:
    """A new sandbox, then the stage; returns the seconds of the sandbox beside."""
    _sandbox("down")
    shutil.rmtree(ROOT / ".state" / "k3s", ignore_errors=True)
    return _sandbox("up"), _measured(run(name="bench-cold"))


def again() -> Measured:
    """The same command on a stage that is as wanted."""
    found = _measured(run(name="bench-no-change"))
    if found.changed:
        raise RuntimeError(f"{found.changed} tasks changed something on a stage that was as wanted")
    return found


def _span(values: Sequence[float]) -> str:
    median = statistics.median(values)
    return f"{median:.1f}" + (f" ({min(values):.1f}-{max(values):.1f})" if len(values) > 1 else "")


def _row(name: str, found: Sequence[Measured]) -> str:
    last = found[-1]
    return f"| {name} | {_span([m.seconds for m in found])} | {last.tasks} | {last.changed} | {len(found)} |"


def _phase_row(name: str, sides: Sequence[Sequence[Measured]]) -> str:
    cells = []
    for found in sides:
        seconds = statistics.median(m.phases.get(name, 0.0) for m in found)
        share = statistics.median(100 * m.phases.get(name, 0.0) / m.seconds for m in found)
        cells += [f"{seconds:.1f}", f"{share:.0f}%"]
    return f"| {name} | {' | '.join(cells)} |"


def report(colds: int, runs: int) -> str:
    """Measure and return the section as Markdown. Without a cold run, the stage that stands is measured."""
    busy = os.getloadavg()[1]
    ups, first, second = [], list[Measured](), list[Measured]()
    for number in range(colds):
        print(f"cold run {number + 1} of {colds}", file=sys.stderr, flush=True)
        up, measured = cold()
        ups.append(up)
        first.append(measured)
    for number in range(runs):
        print(f"run without change {number + 1} of {runs}", file=sys.stderr, flush=True)
        second.append(again())
    sides = [side for side in (first, second) if side]
    names = list(dict.fromkeys(name for side in sides for name in side[0].phases))
    busy = max(busy, os.getloadavg()[1])
    version = yaml.safe_load((SANDBOX / "vars.yml").read_text(encoding="utf-8"))["k3s_common_version"]
    heads = [head for head, side in (("cold", first), ("no change", second)) if side]
    lines = [
        f"Stage `k3s`, `site.yml` on 1 server + 2 agents with Aurora, Redis and the legacy host; {version}. The layers of "
        "container images are cached"
        + (f"; the sandbox itself took {_span(ups)} s and is not counted" if ups else "")
        + f". Load of the machine by others and us: up to {busy:.0f} on {os.cpu_count()} cores.",
        "",
        "| run | seconds (median, min-max) | tasks | changed | runs |",
        "|---|---|---|---|---|",
        *(_row(head, side) for head, side in zip(heads, sides, strict=True)),
        "",
        f"| phase | {' | '.join(f'{head}, seconds | share' for head in heads)} |",
        f"|---|{'---|---|' * len(heads)}",
        *(_phase_row(name, sides) for name in names),
    ]
    return "\n".join(lines) + "\n"
