"""One verb of a move in a process of its own, as a run of Ansible's module is, and the memory that it took.

What it needs comes by stdin, since passwords are in it; what it found goes to stdout.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import launch, verbs
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context, make
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Ends, Peer, Pooler, Settings

ROOT = Path(__file__).resolve().parents[1]
UNITS = ("seed", "snapshot", "verify", "watchdog")  # processes that a verb starts
LOOK = 0.2


def peak(pid: int | str) -> int:
    """Most memory of a process so far, in bytes; 0 when it is gone."""
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
    return 0


@dataclasses.dataclass(frozen=True)
class Done:
    """Moments are of time.monotonic()."""

    begin: float
    end: float
    result: dict[str, Any]
    memory: int  # the peaks of the verb's process and of those that it started, added up


def run(context: Context, verb: str) -> Done:
    given = {
        "verb": verb,
        "ends": dataclasses.asdict(context.ends),
        "settings": dataclasses.asdict(context.settings),
    }
    begin = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'collections'}"},
    )  # fmt: skip
    if child.stdin is None or child.stdout is None:
        raise RuntimeError("no pipes")
    child.stdin.write(json.dumps(given))
    child.stdin.close()
    units = dict.fromkeys(UNITS, 0)
    while child.poll() is None:
        for what in UNITS:
            units[what] = max(units[what], _unit(context, what))
        time.sleep(LOOK)
    end = time.monotonic()
    said = json.loads(child.stdout.read() or "{}")
    if child.returncode or "result" not in said:
        raise RuntimeError(f"{verb}: {said.get('error', 'ended without a word')}")
    return Done(begin, end, said["result"], said["peak"] + sum(units.values()))


def _unit(context: Context, what: str) -> int:
    context.journal.load()
    number = launch.pid(launch.Unit(context, what))
    return peak(number) if number else 0


def main() -> int:
    given = json.load(sys.stdin)
    ends, settings = given["ends"], given["settings"]
    settings["pooler"] = Pooler(**settings["pooler"])
    settings["application_roles"] = tuple(settings["application_roles"])
    context = make(
        Ends(
            Endpoint(**ends["source"]), Endpoint(**ends["target"]), Peer(**ends["publisher"]), Peer(**ends["returner"])
        ),
        Settings(**settings),
    )
    try:
        result = verbs.run(given["verb"], context, False)
    except PgError as error:
        print(json.dumps({"error": str(error)}))
        return 1
    print(json.dumps({"result": result, "peak": peak("self")}, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
