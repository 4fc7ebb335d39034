"""`make bench WHAT=k3s`: measures in one run, prints medians and ratios; with WRITE=1 writes that section of docs/figures.md.

`k3s` sets the playbook against the floor: a plain shell script (benchmarks/floor.sh) that does only the K3s install, on hosts of
the same make, in turn with the playbook. `stage` measures the whole stage; a cold run of it starts the sandbox anew, so that the
stage that stands is lost. `managed` measures the stages `single` and `managed` in a sandbox of their own. `redis` sets the copy of
the move against key by key, `copy` the seed of PostgreSQL against other ways, `downtime` the gap that writers see against that of a
dump and restore. Nothing here is a test: a slow machine fails nothing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from benchmarks import copy, downtime, k3s, managed, redis, stage
from tests.e2e.support import ROOT

SUBJECTS = ("k3s", "stage", "managed", "redis", "copy", "downtime")
FIGURES = ROOT / "docs" / "figures.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "what",
        nargs="?",
        choices=SUBJECTS,
        default="k3s",
        help="what to measure; k3s by default",
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of each side, or of the stage without change")
    parser.add_argument(
        "--cold", type=int, default=1, help="runs of the stage from an empty account; 0 keeps the stage"
    )
    parser.add_argument(
        "--sizes",
        type=lambda text: tuple(float(one) for one in text.split(",")),
        default=downtime.SIZES,
        help="downtime: million rows of each step, as 0.5,2,8",
    )
    parser.add_argument("--write", action="store_true", help="write docs/figures.md")
    options = parser.parse_args()
    if options.runs < 1 or options.cold < 0:
        parser.error("--runs must be 1 or more, --cold 0 or more")
    reports = {
        "k3s": k3s.report,
        "managed": managed.report,
        "redis": redis.report,
        "copy": copy.report,
        "downtime": lambda runs: downtime.report(runs, options.sizes),
        "stage": lambda runs: stage.report(options.cold, runs),
    }
    text = reports[options.what](options.runs)
    if sys.stdout.isatty():
        Console().print(Markdown(text))
    else:
        print(text)
    if options.write:
        _write(FIGURES, options.what, text)
    return 0


def _write(page: Path, section: str, text: str) -> None:
    begin, end = f"<!-- {section} -->", f"<!-- /{section} -->"
    old = page.read_text(encoding="utf-8") if page.is_file() else "# Figures\n"
    if begin not in old:
        old = f"{old.rstrip()}\n\n{begin}\n{end}\n"
    head, _, rest = old.partition(begin)
    page.write_text(f"{head}{begin}\n{text}{end}{rest.partition(end)[2]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
