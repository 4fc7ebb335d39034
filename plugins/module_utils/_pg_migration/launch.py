"""Processes of a move that outlive the run of a module: the snapshot's holder, the copying, the comparison, the watchdog of a freeze.

A transient systemd unit where systemd runs, else a process of its own session. Either is found again by a later run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import code, errors
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context, make
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    MigrationError,
    StillRunningError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Ends, Peer, Pooler, Settings

BOOTED = Path("/run/systemd/system")
POLL = 0.1
# The copy itself stays far below; a fault must not take the machine's other work with it.
PROPERTIES = ("UMask=0077", "MemoryMax=50%", "KillMode=control-group", "TimeoutStopSec=20", "Type=exec")
# When memory runs out, the copying and the comparison are what can be ended and started again; the snapshot and the watchdog cannot.
EXPENDABLE = dict.fromkeys(("seed", "verify"), ("OOMScoreAdjust=500", "Nice=5"))
KEPT = ("OOMScoreAdjust=-500",)


@dataclass(frozen=True)
class Unit:
    """One process of a move. `what` names it within the move."""

    context: Context
    what: str

    @property
    def name(self) -> str:
        return f"platform-migration-{self.context.names.short}-{self.what}"

    @property
    def folder(self) -> Path:
        return self.context.journal.folder

    @property
    def log(self) -> Path:
        return self.folder / f"{self.what}.log"

    @property
    def _secret(self) -> Path:
        return Path(self.context.settings.run_folder) / f"{self.name}.json"

    def result(self) -> dict[str, Any] | None:
        """What it said when it ended; None while it runs, or when it was killed."""
        found = self.context.journal.read(f"{self.what}.result.json")
        return dict(found) if found else None


def booted() -> bool:
    """Is this machine run by systemd, and may we give it units?"""
    return BOOTED.is_dir() and os.geteuid() == 0 and shutil.which("systemd-run") is not None


def _stat(pid: int) -> tuple[str, str]:
    """State and start time of a process; a number that was given out again has another start time."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return "", ""
    return fields[0], fields[19]


def start(
    unit: Unit, entry: Callable[[Context, dict[str, Any]], Any], arguments: Mapping[str, Any] | None = None
) -> None:
    """Run `entry(context, arguments)` in a process of its own. Passwords go by a file that the process removes."""
    if alive(unit):
        raise MigrationError(f"{unit.name} is running already. Mend: let it end, or stop it")
    unit.context.journal.make_folder()
    archive = code.pack(unit.folder)
    (unit.folder / f"{unit.what}.result.json").unlink(missing_ok=True)
    write_secret(unit, unit._secret, entry, arguments or {})
    argv = [sys.executable, "-c", code.BOOT, str(archive), str(unit._secret)]
    unit.log.touch(mode=0o600)
    if booted():
        _start_unit(unit, argv)
    else:
        _start_detached(unit, argv)


def _start_unit(unit: Unit, argv: list[str]) -> None:
    subprocess.run(["systemctl", "reset-failed", unit.name], capture_output=True, check=False)
    options = [
        f"--property={one}"
        for one in (
            *PROPERTIES,
            *EXPENDABLE.get(unit.what, KEPT),
            f"StandardOutput=append:{unit.log}",
            f"StandardError=append:{unit.log}",
        )
    ]
    command = [
        "systemd-run",
        "--quiet",
        "--collect",
        f"--unit={unit.name}",
        f"--working-directory={unit.folder}",
        f"--description=Move of {unit.context.ends.source.label} to {unit.context.ends.target.label}: {unit.what}",
        *options,
        "--",
        *argv,
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        unit._secret.unlink(missing_ok=True)
        raise MigrationError(f"{unit.name} was not started: {said.stderr.strip()}. Mend: journalctl -u {unit.name}")


def _start_detached(unit: Unit, argv: list[str]) -> None:
    with open(unit.log, "ab") as log:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=unit.folder, start_new_session=True, umask=0o077
        )
    unit.context.journal.write(f"{unit.what}.pid.json", {"pid": process.pid, "started": _stat(process.pid)[1]})


def pid(unit: Unit) -> int:
    """Its process, 0 when it does not run."""
    if booted():
        said = subprocess.run(
            ["systemctl", "show", "--property=MainPID", "--value", unit.name],
            capture_output=True,
            text=True,
            check=False,
        )
        return int(said.stdout.strip() or 0)
    known = unit.context.journal.read(f"{unit.what}.pid.json") or {}
    number = int(known.get("pid", 0))
    state, started = _stat(number) if number else ("", "")
    return number if started == known.get("started") and state not in ("", "Z", "X") else 0


def alive(unit: Unit) -> bool:
    return pid(unit) != 0


def stop(unit: Unit, patience: float = 20.0) -> None:
    """End it; nothing happens when it does not run."""
    number = pid(unit)
    if number and booted():
        subprocess.run(["systemctl", "stop", unit.name], capture_output=True, check=False)
    elif number:
        for sign, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(number, sign)
            end = time.monotonic() + seconds
            while alive(unit) and time.monotonic() < end:
                time.sleep(POLL / 5)
    if alive(unit):
        raise MigrationError(f"{unit.name} (process {number}) does not end. Mend: kill it, then run the verb again")
    unit._secret.unlink(missing_ok=True)


def age(unit: Unit) -> float:
    """Seconds since it said its result."""
    try:
        return time.time() - (unit.folder / f"{unit.what}.result.json").stat().st_mtime
    except OSError:
        return float("inf")


def forget(unit: Unit) -> None:
    """What it said was heard."""
    (unit.folder / f"{unit.what}.result.json").unlink(missing_ok=True)


def stop_all(context: Context) -> None:
    """Whatever this move has running here."""
    names = {path.name.removesuffix(".pid.json") for path in context.journal.folder.glob("*.pid.json")}
    names |= {path.name.removesuffix(".log") for path in context.journal.folder.glob("*.log")} if booted() else set()
    for what in sorted(names, reverse=True):
        stop(Unit(context, what))


def attach(unit: Unit, beat: Callable[[], None] = lambda: None, patience: float = float("inf")) -> dict[str, Any]:
    """Wait for its end; what it returned, or its error as ours. Whoever waits may go away, the process stays."""
    end = time.monotonic() + patience
    while alive(unit):
        beat()
        if time.monotonic() > end:
            raise StillRunningError(
                f"{unit.name} still runs after {patience:.0f} s. Mend: run the verb again to wait on"
            )
        time.sleep(POLL)
    result = unit.result()
    if result is None:
        raise MigrationError(
            f"{unit.name} ended without a word (killed?). Mend: run the verb again, it goes on; its log is {unit.log}"
        )
    if not result["ok"]:
        kind = getattr(errors, result["kind"], MigrationError)
        error = MigrationError.__new__(kind)
        Exception.__init__(error, result["error"])
        raise error
    return dict(result["value"] or {})


def write_secret(
    unit: Unit,
    file: Path,
    entry: Callable[[Context, dict[str, Any]], Any],
    arguments: Mapping[str, Any],
    kept: bool = False,
) -> None:
    """What the process needs to connect. `kept`: on a disk, until whoever wrote it takes it away; else the process does."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    known = {"what": unit.what, "entry": f"{entry.__module__}:{entry.__qualname__}", "arguments": dict(arguments), "kept": kept,
             "ends": dataclasses.asdict(unit.context.ends), "settings": dataclasses.asdict(unit.context.settings)}  # fmt: skip
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        json.dump(known, handle)
        handle.flush()
        os.fsync(handle.fileno())


def _read_secret(file: Path) -> tuple[Unit, str, dict[str, Any]]:
    known = json.loads(file.read_text(encoding="utf-8"))
    if not known["kept"]:
        file.unlink()
    ends, settings = known["ends"], known["settings"]
    settings["pooler"] = Pooler(**settings["pooler"])
    settings |= {name: tuple(settings[name]) for name in ("application_roles", "left_extension_tables")}
    context = make(
        Ends(
            Endpoint(**ends["source"]), Endpoint(**ends["target"]), Peer(**ends["publisher"]), Peer(**ends["returner"])
        ),
        Settings(**settings),
    )
    context.journal.load()
    return Unit(context, known["what"]), known["entry"], known["arguments"]


def in_words(error: BaseException) -> str:
    """A server's complaint without its details, which may quote a row."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    if isinstance(error, PgError):
        return str(error)
    return f"{type(error).__name__}: {primary or error}"


def child(file: str) -> None:
    """In the started process."""
    unit, entry, arguments = _read_secret(Path(file))
    module, _, function = entry.partition(":")
    signal.signal(signal.SIGTERM, _terminated)
    try:
        value = getattr(importlib.import_module(module), function)(unit.context, arguments)
        result = {"ok": True, "value": value}
    except (Exception, SystemExit) as error:
        result = {"ok": False, "kind": type(error).__name__, "error": in_words(error)}
        # Where, not what: a server's complaint may quote a row.
        sys.stderr.write("".join(traceback.format_tb(error.__traceback__)) + f"{result['error']}\n")
    unit.context.journal.write(f"{unit.what}.result.json", result)
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that wait for a server must not hold up the end.
    os._exit(0 if result["ok"] else 1)


def _terminated(number: int, frame: object) -> None:
    raise SystemExit("it was told to stop")
