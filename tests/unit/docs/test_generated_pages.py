"""Generated pages must be what their sources say, and every role must have them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())


def test_generated_pages_are_current() -> None:
    result = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_role_has_its_contract(role: Path) -> None:
    missing = [
        name
        for name in ("README.md", "meta/main.yml", "meta/argument_specs.yml", "tasks/main.yml")
        if not (role / name).is_file()
    ]
    assert not missing
    specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    entry_points = {path.stem for path in (role / "tasks").glob("*.yml")}
    assert set(specs) <= entry_points, "argument_specs name entry points that are no task files"
