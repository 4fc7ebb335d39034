"""`make bench` measures what it is asked for, and says what can be asked for."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from benchmarks.__main__ import FIGURES, SUBJECTS


def commands(*arguments: str) -> str:
    """What make would run, without a word of what it is told by whoever runs this test."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    done = subprocess.run(
        ["make", "-n", "bench", *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


@pytest.mark.parametrize("what", SUBJECTS)
def test_each_subject_is_measured_by_its_name(what: str) -> None:
    said = commands(f"WHAT={what}")
    assert f"-m benchmarks {what}" in said
    assert "--write" not in said
    # Its own servers are installed, and the sandbox is there where nothing else starts one.
    assert ("the tests need PostgreSQL 15" in said) is (what in ("redis", "copy", "downtime"))
    assert ("-m sandbox up" in said) is (what == "k3s")


def test_k3s_is_measured_by_default_and_figures_are_written_on_demand() -> None:
    assert "-m benchmarks k3s" in commands()
    assert "-m benchmarks copy --write" in commands("WHAT=copy", "WRITE=1")


def test_the_front_door_and_the_page_name_every_subject() -> None:
    line = re.search(r"^bench:.*WHAT=([\w|]+)", Path("Makefile").read_text(), re.MULTILINE)
    assert line
    assert tuple(line[1].split("|")) == SUBJECTS
    page = FIGURES.read_text()
    assert [what for what in SUBJECTS if f"`{what}`" not in page and f"WHAT={what}" not in page] == []
