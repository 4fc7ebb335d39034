"""Starting victims, and asking who may write."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import sides
from tests.waiting import crowded

ROOT = Path(__file__).parents[2]
BUDGET = 5.0


def victim(
    move: Move, verb: str, step: str = "", how: str = "kill", redis: dict[str, Any] | None = None, **settings: Any
) -> subprocess.Popen[str]:
    """Begin a verb that dies or hangs at this step; at none, it is a run like any other that somebody may kill."""
    known = move.settings(**{"freeze_budget": BUDGET * crowded(), **settings})
    given = {
        "ends": dataclasses.asdict(move.ends),
        "settings": dataclasses.asdict(known),
        "verb": verb,
        "step": step,
        "how": how,
        "redis": redis,
    }
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "victim.py")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'collections'}"},
    )  # fmt: skip
    assert process.stdin
    process.stdin.write(json.dumps(given))
    process.stdin.close()
    return process


def killed(move: Move, verb: str, step: str, **settings: Any) -> str:
    """Run it until it is dead; what it said."""
    process = victim(move, verb, step, **settings)
    said = process.stdout.read() if process.stdout else ""
    assert process.wait(60) == -9, f"{step}: {said}"
    return said


def one_side(move: Move, wanted: tuple[bool, bool], seconds: float) -> float:
    """Wait until exactly the wanted side may be written to; both at once is never right. Returns the seconds."""
    began = time.monotonic()
    while (found := sides(move)) != wanted:
        assert found != (True, True), "both sides can be written to"
        assert time.monotonic() - began < seconds, f"after {seconds:.0f} s: {found}, wanted {wanted}"
        time.sleep(0.05)
    return time.monotonic() - began
