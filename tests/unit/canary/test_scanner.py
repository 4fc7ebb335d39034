"""The scan for secrets finds what is planted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.canary import SCANNER

WANTED = ["0f3c9a-a-secret-of-one-line", "a secret\nof two lines, the second longer", "it's a 'quoted' \\ one"]


def test_what_is_planted_is_found(tmp_path: Path) -> None:
    held = {"one line\n.txt": f"before {WANTED[0]} after", "two": f"\0\n{WANTED[1]}\n", "-quoted": WANTED[2]}
    others = {"half of two": WANTED[1].partition("\n")[2], "other": "nothing", "skipped/one": WANTED[0]}
    (tmp_path / "skipped").mkdir()
    for name, text in (held | others).items():
        (tmp_path / name).write_text(text)
    job = json.dumps({"patterns": WANTED, "tops": [str(tmp_path)], "skip": [str(tmp_path / "skipped")]})
    done = subprocess.run([sys.executable, "-c", SCANNER], input=job, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["seen"] == len(held) + 2
    assert sorted(found["hits"]) == sorted(str(tmp_path / name) for name in held)
