"""The scan for secrets finds what is planted, and says so where it could look for nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.canary import SCANNER

WANTED = ["0f3c9a-a-secret-of-one-line", "a secret\nof two lines, the second longer", "it's a 'quoted' \\ one"]


def scan(top: Path, skip: str = "/nowhere", **env: str) -> subprocess.CompletedProcess[str]:
    job = json.dumps({"patterns": WANTED, "tops": [str(top)], "skip": [skip]})
    return subprocess.run(
        [sys.executable, "-c", SCANNER], input=job, capture_output=True, text=True, check=False, env=os.environ | env
    )


def test_what_is_planted_is_found(tmp_path: Path) -> None:
    held = {"one line\n.txt": f"before {WANTED[0]} after", "two": f"\0\n{WANTED[1]}\n", "-quoted": WANTED[2]}
    others = {"half of two": WANTED[1].partition("\n")[2], "other": "nothing", "skipped/one": WANTED[0]}
    (tmp_path / "skipped").mkdir()
    for name, text in {**held, **others, **{f"many {number}": "" for number in range(600)}}.items():
        (tmp_path / name).write_text(text)
    done = scan(tmp_path, str(tmp_path / "skipped"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"seen": 605, "hits": sorted(str(tmp_path / name) for name in held)}


@pytest.mark.parametrize("rc", [0, 1, 2])
def test_a_grep_that_looks_for_nothing_is_told(tmp_path: Path, rc: int) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "grep").write_text(f"#!/bin/sh\ncat >/dev/null\nexit {rc}\n")
    (tmp_path / "bin" / "grep").chmod(0o755)
    done = scan(tmp_path, PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert done.returncode != 0
    assert "grep looked for nothing" in done.stderr
