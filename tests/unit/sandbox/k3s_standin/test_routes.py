"""The ingress routing is Go: its table test runs where Go is there, as it is wherever the stand-in is built."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox import k3s_standin

ROUTES = Path(k3s_standin.__file__).parent / "kube" / "addons" / "routes"


@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")
def test_ingress_routes(tmp_path: Path) -> None:
    # A module of its own: the packages of the stand-in's module are not needed, nor a network to fetch them.
    for source in ROUTES.glob("*.go"):
        shutil.copy(source, tmp_path)
    (tmp_path / "go.mod").write_text("module routes\n\ngo 1.22\n")
    environment = {**os.environ, "GOFLAGS": "", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    done = subprocess.run(
        ["go", "test", "./..."], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
