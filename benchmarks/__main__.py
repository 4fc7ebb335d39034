"""`make bench`: measures in one run, prints medians and ratios against the floor, and writes docs/figures.md.

The floor is a plain shell script (benchmarks/floor.sh) that does only the K3s install, on hosts of the same make, in turn with
the playbook. Nothing here is a test: a slow machine fails nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

import yaml

from benchmarks import k3s
from tests.e2e.support import ROOT, SANDBOX

FIGURES = ROOT / "docs" / "figures.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of each side, in turn; the median is printed")
    parser.add_argument("--write", action="store_true", help="write docs/figures.md")
    options = parser.parse_args()
    values = yaml.safe_load((SANDBOX / "vars.yml").read_text(encoding="utf-8"))
    floors, runs = [], []
    for number in range(options.runs):
        print(f"run {number + 1} of {options.runs}: floor", file=sys.stderr, flush=True)
        floors.append(k3s.floor(values))
        print(f"run {number + 1} of {options.runs}: playbook", file=sys.stderr, flush=True)
        runs.append(k3s.collection(values))
    floor = statistics.median(floors)
    lines = [
        f"K3s on 1 server + 2 agents, hosts that answer to every node proved Ready; median of {options.runs}, sides in turn, {values['k3s_common_version']}.",
        "",
        "| what | seconds (median, min-max) | ratio to the floor | tasks | changed |",
        "|---|---|---|---|---|",
        f"| plain shell script (the floor: installs, nothing else) | {floor:.1f} ({min(floors):.1f}-{max(floors):.1f}) | 1.00 | - | - |",
    ]
    for what in runs[0]:
        seconds = [run[what][0] for run in runs]
        median = statistics.median(seconds)
        tasks, changed = runs[-1][what][1:]
        lines.append(
            f"| playbook, {what} | {median:.1f} ({min(seconds):.1f}-{max(seconds):.1f}) | {median / floor:.2f} | {tasks} | {changed} |"
        )
    text = "\n".join(lines) + "\n"
    print(text)
    if options.write:
        _write(FIGURES, text)
    return 0


def _write(page: Path, text: str) -> None:
    begin, end = "<!-- k3s -->", "<!-- /k3s -->"
    old = page.read_text(encoding="utf-8") if page.is_file() else f"# Figures\n\n{begin}\n{end}\n"
    head, _, rest = old.partition(begin)
    page.write_text(f"{head}{begin}\n{text}{end}{rest.partition(end)[2]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
