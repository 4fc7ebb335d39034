"""Processes that outlive their starter, without a server."""

from __future__ import annotations

import json
import marshal
import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import code, launch
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context, make
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Ends, Peer, Settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import holder

SECRET = "never seen"  # noqa: S105 - looked for


@pytest.fixture
def unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[launch.Unit]:
    monkeypatch.setattr(launch, "BOOTED", tmp_path / "no systemd")
    # Nothing listens there: a child that connects fails at once, and in words.
    ends = [Endpoint(side, "127.0.0.1", 1, "d", "u", SECRET, "disable") for side in ("source", "target")]
    settings = Settings(folder=str(tmp_path / "work"), run_folder=str(tmp_path / "run"), application_roles=("a",))
    context = make(Ends(ends[0], ends[1], Peer("h", 1, "u", SECRET), Peer("h", 1, "u", SECRET)), settings)
    context.journal.save()
    made = launch.Unit(context, "probe")
    yield made
    launch.stop_all(context)


def sleeps(context: Context, arguments: dict[str, Any]) -> None:
    """Named by its module, which the child does not have: only to be written down."""


def test_error_of_the_child_becomes_ours(unit: launch.Unit) -> None:
    launch.start(unit, holder.hold)
    with pytest.raises(MigrationError, match=r"source 127.0.0.1:1/d as u: .*refused.* Mend: nothing listens there"):
        launch.attach(unit, patience=30)
    assert not launch.alive(unit)
    assert not list(Path(unit.context.settings.run_folder).iterdir())
    for file in unit.folder.rglob("*"):
        assert SECRET.encode() not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_number_given_out_again_is_nobody_of_ours(unit: launch.Unit) -> None:
    unit.context.journal.write("probe.pid.json", {"pid": os.getpid(), "started": "1"})
    assert not launch.alive(unit)
    launch.stop(unit)
    with pytest.raises(MigrationError, match="ended without a word"):
        launch.attach(unit)


def test_running_one_is_found_and_stopped(unit: launch.Unit) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    unit.context.journal.write("probe.pid.json", {"pid": process.pid, "started": launch._stat(process.pid)[1]})
    assert launch.pid(launch.Unit(unit.context, "probe")) == process.pid
    with pytest.raises(MigrationError, match="is running already"):
        launch.start(unit, holder.hold)
    with pytest.raises(MigrationError, match="still runs"):
        launch.attach(unit, patience=0.1)
    launch.stop(unit)
    assert not launch.alive(unit)
    process.wait()


def test_archive_stands_alone_and_is_packed_again_from_itself(tmp_path: Path) -> None:
    archive = code.pack(tmp_path)
    assert code.pack(tmp_path) == archive
    with zipfile.ZipFile(archive) as opened:
        tops = {
            Path(name).relative_to(code.PREFIX).parts[0]
            for name in opened.namelist()
            if Path(name).is_relative_to(code.PREFIX)
        }
    assert tops <= {*code.PACKAGES, "__init__.py", "__init__.pyc"}
    again = tmp_path / "again"
    again.mkdir()
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\nfrom pathlib import Path\n"
        f"from {'.'.join(code.PREFIX.parts)}._pg_migration import code\n"
        f"import {'.'.join(code.PREFIX.parts)}._pg_migration.seed.work as work\n"
        "print(code.pack(Path(sys.argv[2])).name, Path(work.__file__).suffix)"
    )

    def held(packed: Path) -> dict[str, object]:
        """Two processes write the same code in different bytes: which names marshal refers back to hangs on who else holds them."""
        with zipfile.ZipFile(packed) as opened:
            found = {name: opened.read(name) for name in opened.namelist()}
        return {name: marshal.loads(data[16:]) if name.endswith(".pyc") else data for name, data in found.items()}  # noqa: S302

    def run(packed: Path) -> list[str]:
        argv = [sys.executable, "-c", program, str(packed), str(again)]
        return subprocess.run(argv, capture_output=True, text=True, check=True, cwd="/").stdout.split()

    assert run(archive) == [archive.name, ".pyc"]
    assert held(again / archive.name) == held(archive)
    # A Python that was upgraded since cannot read what its predecessor compiled.
    older = tmp_path / "older.zip"
    with zipfile.ZipFile(archive) as opened, zipfile.ZipFile(older, "w") as made:
        for name in opened.namelist():
            content = opened.read(name)
            made.writestr(name, b"\0\0\r\n" + content[4:] if name.endswith(".pyc") else content)
    assert run(older) == [archive.name, ".py"]


def test_unit_of_systemd_is_named_limited_and_told_no_secret(
    unit: launch.Unit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is asked of systemd; `systemctl show` answers that it does not run."""
    calls: list[list[str]] = []

    def run(argv: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        calls.append(argv)
        return subprocess.CompletedProcess(argv, 0, "0\n", "")

    monkeypatch.setattr(launch, "booted", lambda: True)
    monkeypatch.setattr(subprocess, "run", run)
    launch.start(unit, sleeps)
    command = next(argv for argv in calls if argv[0] == "systemd-run")
    assert f"--unit=platform-migration-{unit.context.names.short}-probe" in command
    assert {"--collect", "--property=UMask=0077", "--property=MemoryMax=50%"} <= set(command)
    assert SECRET not in " ".join(command)
    (secret,) = (tmp_path / "run").iterdir()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert command[-1] == str(secret)
    known, entry, _ = launch._read_secret(secret)
    assert known.context.ends == unit.context.ends
    assert known.context.settings == unit.context.settings
    assert entry.endswith(":sleeps")
    assert not secret.exists()


def test_complaint_of_a_server_quotes_no_row() -> None:
    class ComplaintError(Exception):
        diag = type("diag", (), {"message_primary": "duplicate key"})

    assert (
        launch.in_words(ComplaintError("duplicate key\nDETAIL: Key (email)=(kim@example.org)"))
        == "ComplaintError: duplicate key"
    )
    assert json.dumps(launch.in_words(MigrationError("Mend: it"))) == '"Mend: it"'
