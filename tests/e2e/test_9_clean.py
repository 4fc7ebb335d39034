"""`make clean` leaves no container, network, volume, process or file of the sandbox."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from sandbox import down, engine
from sandbox.settings import Paths
from tests.e2e.support import ROOT, SANDBOX

OURS = ("tiketi", "ministack")


def _listed(engine: str, form: str, *arguments: str) -> list[str]:
    # The engine as it is on this machine: the sandbox's own configuration of it is gone by now.
    command, end = [engine, *arguments, "--format", form], time.monotonic() + 20
    env = {name: value for name, value in os.environ.items() if name != "CONTAINERS_CONF"}
    while True:
        listed = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if listed.returncode == 0:
            break
        # Podman fails when a container that it lists is taken away meanwhile by its own cleaning process.
        assert time.monotonic() < end, listed.stderr
        time.sleep(0.2)
    return listed.stdout.splitlines()


def _left(engine: str, form: str, *arguments: str) -> list[str]:
    return [name for name in _listed(engine, form, *arguments) if any(word in name for word in OURS)]


def test_clean_leaves_nothing() -> None:
    found = engine.find(Paths())
    assert found is not None
    up = down.containers(found)
    ids = [short.encode() for short in up]
    assert ids, "nothing is up, so nothing is proved"
    # Volumes without a name of ours: what an image declares, and the data of a host's own containers.
    mounts = [mount for short in up for mount in (found.inspect("container", short) or {}).get("Mounts", [])]
    volumes = {mount["Name"] for mount in mounts if mount.get("Type") == "volume"}
    assert volumes
    subprocess.run(["make", "clean"], cwd=ROOT, check=True, capture_output=True)
    left = {
        "container": _left(found.kind, "{{.Names}}", "ps", "--all"),
        "network": _left(found.kind, "{{.Name}}", "network", "ls"),
        "volume": _left(found.kind, "{{.Name}}", "volume", "ls"),
    }
    assert not any(left.values()), left
    assert not volumes & set(_listed(found.kind, "{{.Name}}", "volume", "ls"))
    assert not SANDBOX.exists()
    assert not (files := _ignored()), files
    marked = str(SANDBOX).encode()
    lines = [_read(entry) for entry in Path("/proc").glob("[0-9]*/cmdline")]
    assert not [line for line in lines if marked in line or any(short in line for short in ids)]
    assert "tiketi-sandbox" not in Path("/etc/hosts").read_text(encoding="utf-8")


def _ignored() -> list[str]:
    """What lies in the checkout and is no part of it, but for what the next run builds on (`make distclean` removes that)."""
    listed = subprocess.run(
        ["git", "status", "--ignored", "--porcelain", "--untracked-files=normal"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = [line[3:] for line in listed.stdout.splitlines() if line.startswith("!! ")]
    return [name for name in found if not name.startswith((".venv/", ".cache/")) and "__pycache__" not in name]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
