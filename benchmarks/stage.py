"""The whole stage `k3s`: from an empty account, and again without any change, by the site.yml that users run."""

from __future__ import annotations

import os
import sys

from benchmarks._runs import Measured, again, fresh, measured, span, tables
from benchmarks._values import handed_over
from tests.e2e.support import run


def report(colds: int, runs: int) -> str:
    """Measure and return the section as Markdown. Without a cold run, the stage that stands is measured."""
    busy = os.getloadavg()[1]
    ups, first, second = [], list[Measured](), list[Measured]()
    for number in range(colds):
        print(f"cold run {number + 1} of {colds}", file=sys.stderr, flush=True)
        ups.append(fresh())
        first.append(measured(run(name="bench-cold")))
    for number in range(runs):
        print(f"run without change {number + 1} of {runs}", file=sys.stderr, flush=True)
        second.append(again("k3s"))
    sides = [side for side in (first, second) if side]
    busy = max(busy, os.getloadavg()[1])
    version = handed_over()["k3s_common_version"]
    heads = [head for head, side in (("cold", first), ("no change", second)) if side]
    lines = [
        f"Stage `k3s`, `site.yml` on 1 server + 2 agents with Aurora, Redis and the legacy host; {version}. The layers of "
        "container images are cached"
        + (f"; the sandbox itself took {span(ups)} s and is not counted" if ups else "")
        + f". Load of the machine by others and us: up to {busy:.0f} on {os.cpu_count()} cores.",
        "",
        *tables(heads, sides),
    ]
    return "\n".join(lines) + "\n"
