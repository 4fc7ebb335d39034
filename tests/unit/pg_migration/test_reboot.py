"""What opens a side again after a restart of the runner: there while a side is closed, and gone without a trace."""

from __future__ import annotations

import shlex
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import launch, reboot, watchdog
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError

from .test_launch import SECRET, unit

__all__ = ["unit"]
ARGUMENTS: dict[str, Any] = {"verb": "cutover", "recipes": [], "complete": True}


@pytest.fixture
def context(unit: launch.Unit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Context:
    monkeypatch.setattr(launch, "booted", lambda: True)
    monkeypatch.setattr(reboot, "UNITS", tmp_path / "system")
    unit.context.journal.make_folder()
    return unit.context


def test_is_enabled_tells_no_secret_and_goes(context: Context, tmp_path: Path) -> None:
    for _ in range(2):
        reboot.arm(context, watchdog.recover, ARGUMENTS)
    (file,) = (tmp_path / "system").glob("*.service")
    text = file.read_text()
    assert SECRET not in text
    (link,) = (tmp_path / "system" / "multi-user.target.wants").iterdir()
    assert link.resolve() == file
    (secret,) = context.journal.folder.glob("*.secret.json")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert f"ConditionPathExists={secret}" in text
    command = shlex.split(next(line for line in text.splitlines() if line.startswith("ExecStart=")).partition("=")[2])
    assert command[-1] == str(secret)
    known, entry, arguments = launch._read_secret(secret)
    assert (known.context.ends, entry.rpartition(":")[2], arguments) == (context.ends, "recover", ARGUMENTS)
    assert secret.exists(), "the next boot needs it too, when this one is cut short"
    reboot.disarm(context)
    reboot.disarm(context)
    assert not [path for path in (tmp_path / "system").rglob("*") if path.is_symlink() or path.is_file()]
    assert not secret.exists()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed here")
def test_systemd_understands_it(context: Context, tmp_path: Path) -> None:
    odd = replace(context.ends, source=replace(context.ends.source, dbname='50% "odd" $HOME'))
    reboot.arm(replace(context, ends=odd), watchdog.recover, ARGUMENTS)
    (file,) = (tmp_path / "system").glob("*.service")
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(file)], capture_output=True, text=True, check=False
    )
    assert "50%% " in file.read_text()
    assert file.name not in said.stderr, said.stderr


def test_nothing_of_it_without_systemd(context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(launch, "booted", lambda: False)
    reboot.arm(context, watchdog.recover, ARGUMENTS)
    assert not (tmp_path / "system").exists()
    assert not list(context.journal.folder.glob("*.secret.json"))


def test_no_freeze_where_it_cannot_be_written(
    context: Context, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(reboot, "UNITS", tmp_path / "file")
    with pytest.raises(MigrationError, match=r"nothing was frozen\. Mend"):
        reboot.arm(context, watchdog.recover, ARGUMENTS)
    assert not list(context.journal.folder.glob("*.secret.json"))


def test_the_watchdog_brings_it_and_takes_it_away(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a process: what it says is enough here."""

    def start(unit: launch.Unit, entry: Any, arguments: dict[str, Any]) -> None:
        context.journal.write("watchdog.json", {"token": arguments["token"]})

    for name, value in (("start", start), ("stop", lambda _: None), ("alive", lambda _: True)):
        monkeypatch.setattr(launch, name, value)
    watchdog.start(context, "cutover", [])
    assert list(context.journal.folder.glob("*.secret.json"))
    watchdog.stop(context)
    assert not list(context.journal.folder.glob("*.secret.json"))
