"""The runner dies with its journal and its watchdog, in the middle of a cutover: another one finds the move on the servers."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, launch, reboot, watchdog

from tests.faults.support import BUDGET, victim
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import Writers, following, sides
from tests.waiting import crowded, until


class LostError(BaseException):
    """Nobody catches it, nobody cleans up."""


@pytest.mark.parametrize(("step", "where"), [("carry", "source"), ("wake", "source"), ("open", "target")])
@pytest.mark.fewer("wake-source")
def test_another_runner_leads_it_to_an_end(move: Move, monkeypatch: pytest.MonkeyPatch, step: str, where: str) -> None:
    following(move)
    writers = Writers(move)
    with writers.writing():
        with monkeypatch.context() as patch:
            lose(patch, step)
            with pytest.raises(LostError):
                move(cutover.run, freeze_budget=BUDGET * crowded())
        assert sides(move) == (False, False)
        other = replace(move, folder=move.folder / "another runner")
        result = other(cutover.run, freeze_budget=30 * crowded())
        print(result["message"])
        assert ("completed" if where == "target" else "called off") in result["message"]
        assert result["phase"] == "switched"
        assert sides(move) == (False, True)
        # The first one comes back, with a journal that stopped in the middle.
        assert not move(cutover.run)["changed"]
        assert sides(move) == (False, True)
        writers.more()
    assert writers.lost(move.target) == []


@pytest.mark.parametrize(("step", "where"), [("close", "source"), ("wake", "source"), ("open", "target")])
@pytest.mark.parametrize("who", ["the same runner", "another runner"])
@pytest.mark.fewer("the same runner-wake-source", "another runner-open-target")
def test_run_and_watchdog_are_killed_together(move: Move, step: str, where: str, who: str) -> None:
    """Real processes, as when the machine loses its power. The runner may come back with its journal, or never."""
    following(move)
    writers = Writers(move)
    with writers.writing():
        process = victim(move, "cutover", step, how="stop", freeze_budget=60.0)
        until(lambda: stopped(process.pid), f"the run never came to {step}")
        watching = int(move.context().journal.read("watchdog.json")["pid"])
        for pid in (watching, process.pid):  # the run stands still: nobody goes on in between
            os.kill(pid, signal.SIGKILL)
        assert process.wait(20) == -9
        # A signal is not an end: the process is gone a moment after it.
        until(
            lambda: not launch.alive(launch.Unit(move.context(), watchdog.WHAT)),
            "the watchdog outlived its kill",
            seconds=20,
        )
        runner = move if who == "the same runner" else replace(move, folder=move.folder / "another runner")
        result = runner(cutover.run, freeze_budget=30 * crowded())
        assert ("completed" if where == "target" else "called off") in result["message"]
        assert result["phase"] == "switched"
        assert sides(move) == (False, True)
        writers.more()
    assert writers.lost(move.target) == []


@pytest.mark.parametrize(("step", "wanted"), [("close", (True, False)), ("open", (False, True))])
@pytest.mark.fewer("open-wanted1")
def test_the_machine_comes_up_again(
    move: Move, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, step: str, wanted: tuple[bool, bool]
) -> None:
    """What the unit of the boot runs, run: nobody had to come. Without systemd it is armed by hand here, as the watchdog does with it."""
    following(move)
    process = victim(move, "cutover", step, how="stop", freeze_budget=60.0)
    until(lambda: stopped(process.pid), f"the run never came to {step}")
    context = move.context()
    monkeypatch.setattr(reboot, "UNITS", tmp_path / "units")
    with monkeypatch.context() as patch:
        patch.setattr(launch, "booted", lambda: True)
        reboot.arm(context, watchdog.recover, {"verb": "cutover", "recipes": [], "complete": True})
    for pid in (int(context.journal.read("watchdog.json")["pid"]), process.pid):
        os.kill(pid, signal.SIGKILL)
    assert process.wait(20) == -9
    (unit,) = (tmp_path / "units").glob("*.service")
    command = next(line for line in unit.read_text().splitlines() if line.startswith("ExecStart="))
    subprocess.run(shlex.split(command.partition("=")[2]), check=True, timeout=60)
    assert sides(move) == wanted
    assert not list(context.journal.folder.glob("*.secret.json"))
    assert move.context().journal.phase == ("switched" if step == "open" else "following")


def stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "T"


def lose(patch: pytest.MonkeyPatch, step: str) -> None:
    """End the run at this step as a power cut would: no undo, no watchdog."""
    from ansible_collections.tiketi.platform.plugins.module_utils._cutover import run as cutovers  # noqa: PLC0415
    from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.participant import (  # noqa: PLC0415
        Moving,
    )

    at = Moving.at

    def fatal(self: Moving, name: str) -> None:
        at(self, name)
        if name == step:
            raise LostError

    def gone(*_: object) -> BaseException:
        return LostError()

    patch.setattr(watchdog, "start", lambda *_: None)
    patch.setattr(Moving, "at", fatal)
    patch.setattr(cutovers.Run, "_called_off", gone)
