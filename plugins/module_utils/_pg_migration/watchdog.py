"""A process beside the cutover that opens a side again when the cutover dies or hangs: nobody waits longer than the budget."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._cutover import run as cutovers
from ansible_collections.tiketi.platform.plugins.module_utils._cutover.participant import Participant
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import fence, launch, reboot
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.undo import CUTOVER, Ledger, make, settle

WHAT = "watchdog"
GRACE = 1.0  # seconds after the budget: the cutover itself calls off first
BEAT = 0.1
STILL = cutovers.ATTEMPT + 5.0  # seconds without a sign of a run that opens a side: each of its attempts gives one
READY = 15.0
PERSISTENCE = 3600.0  # seconds to try on: a server that was killed comes back some day


def start(context: Context, verb: str, participants: Sequence[Participant]) -> None:
    """Return only when it watches: nothing may be frozen before."""
    unit = launch.Unit(context, WHAT)
    with contextlib.suppress(MigrationError):
        launch.stop(unit)
    token = f"{os.getpid()}-{time.time()}"
    recipes = [getattr(one, "recipe", lambda: None)() for one in participants[1:]]
    arguments = {
        "verb": verb,
        "pid": os.getpid(),
        "started": _started(os.getpid()),
        "token": token,
        "recipes": [recipe for recipe in recipes if recipe],
        "complete": all(recipes),
    }
    launch.start(unit, watch, arguments)
    reboot.arm(context, recover, arguments)
    deadline = time.monotonic() + READY
    while (context.journal.read("watchdog.json") or {}).get("token") != token:
        if time.monotonic() > deadline or not launch.alive(unit):
            raise MigrationError(f"the watchdog of the freeze did not start. Mend: its log is {unit.log}")
        time.sleep(BEAT / 5)


def stop(context: Context) -> None:
    """After a good end. It would see that for itself and go, a moment later."""
    reboot.disarm(context)
    with contextlib.suppress(MigrationError):
        launch.stop(launch.Unit(context, WHAT))


def _started(pid: int) -> str:
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    return ""


def _lives(pid: int, started: str) -> bool:
    with contextlib.suppress(OSError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return fields[0] not in ("Z", "X") and fields[19] == started
    return False


def watch(context: Context, arguments: dict[str, Any]) -> dict[str, Any]:
    """In its own process."""
    said = _watch(context, arguments)
    reboot.disarm(context)
    return said


def recover(context: Context, arguments: dict[str, Any]) -> dict[str, Any]:
    """After a restart of the machine: the run is gone for sure. When the machine stops once more meanwhile, the next boot tries again."""
    try:
        said = _act(context, Ledger(context, arguments["verb"]), arguments)
    except Exception:
        reboot.disarm(context)
        raise
    reboot.disarm(context)
    return said


def _watch(context: Context, arguments: dict[str, Any]) -> dict[str, Any]:
    ledger = Ledger(context, arguments["verb"])
    pid, started = int(arguments["pid"]), str(arguments["started"])
    context.journal.write("watchdog.json", {"token": arguments["token"], "pid": os.getpid()})
    frozen_at: float | None = None
    seen: dict[str, Any] = {}
    changed = time.monotonic()
    while _lives(pid, started):
        context.journal.load()
        step = ledger.under_way
        if step in ("", cutovers.OPENED):
            return {"did": "nothing, the run came to its end"}
        if step not in (cutovers.BEGUN, cutovers.PREPARING) and frozen_at is None:
            frozen_at = time.monotonic()
        if ledger.entry != seen:
            seen, changed = ledger.entry, time.monotonic()
        opening = step in (cutovers.REOPENING, *cutovers.DECIDED)
        spent = frozen_at is not None and time.monotonic() > frozen_at + context.settings.freeze_budget + GRACE
        if (opening and time.monotonic() > changed + STILL) or (spent and not opening):
            _kill(pid, started)
        time.sleep(BEAT)
    return _act(context, ledger, arguments)


def _kill(pid: int, started: str) -> None:
    """It hangs, and users wait. It must not wake up again after the old side was opened."""
    if _lives(pid, started):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _act(context: Context, ledger: Ledger, arguments: dict[str, Any]) -> dict[str, Any]:
    end = time.monotonic() + PERSISTENCE
    while True:
        try:
            with context.journal.locked(BEAT * 20), fence.hold(
                [_opens(context, ledger)], context.application, context.journal.runner, BEAT * 20
            ) as held:  # fmt: skip
                context.journal.agree(held)
                return _lead_to_an_end(context, ledger, arguments)
        except Exception as error:
            print(f"{time.strftime('%H:%M:%S')} {error}", flush=True)
            if time.monotonic() > end:
                raise
            time.sleep(BEAT * 5)


def _opens(context: Context, ledger: Ledger) -> Endpoint:
    """The server that writers will go on at: the other one may be what hangs, and is not asked for a lock."""
    new = (ledger.under_way in cutovers.DECIDED) == (ledger.verb == CUTOVER)
    return context.ends.target if new else context.ends.source


def _lead_to_an_end(context: Context, ledger: Ledger, arguments: dict[str, Any]) -> dict[str, Any]:
    step = ledger.under_way
    if step in ("", cutovers.OPENED):
        return {"did": "nothing, another run came first"}
    participants: list[Participant] = [make(context, ledger)]
    participants += [_cooked(recipe) for recipe in arguments["recipes"]]
    outcome = settle(context, ledger, participants, complete=bool(arguments["complete"]), patience=2.0)
    return {"did": f"writers are at the {outcome.where} side", "step": step}


def _cooked(recipe: Sequence[Any]) -> Participant:
    """A participant made again: `module:function` and its arguments."""
    import importlib  # noqa: PLC0415

    module, _, function = str(recipe[0]).partition(":")
    build: Callable[..., Participant] = getattr(importlib.import_module(module), function)
    return build(**dict(recipe[1]))
