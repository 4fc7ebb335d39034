"""What the build needs of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandbox import cli
from sandbox.k3s_standin import build


def test_without_go_a_person_reads_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build.shutil, "which", lambda _name: None)
    monkeypatch.setattr(cli, "bring_up", lambda _console, paths: build.build(paths.cache, print))
    monkeypatch.setattr(cli, "paths", cli.Paths(tmp_path / ".sandbox"))
    said = CliRunner().invoke(cli.app, ["up"])
    assert said.exit_code == 1
    assert "Go is not installed" in said.output
    assert "mend: install Go 1.24 or newer" in " ".join(said.output.split())
    assert "Traceback" not in said.output
