"""A database that is closed to applications is told apart: a move away from it, a move into it, or one that is over."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.closed import Move, why

OLD, NEW = "10.0.1.10:5432/tiketi", "aurora:5432/tiketi"


@pytest.mark.parametrize(
    ("label", "move", "words"),
    [
        (OLD, Move(OLD, NEW, "switched"), f"use the inventory that declares {NEW}"),
        ("app-1:5432/tiketi", Move(OLD, NEW, "switched"), f"moved away from {OLD}"),  # another name of the old one
        (NEW, Move(OLD, NEW, "following"), "bring the move to its cutover"),
        (OLD, None, "use the inventory that declares the server that the data moved to"),
    ],
)
def test_the_mend_fits_the_side_and_never_opens_it(label: str, move: Move | None, words: str) -> None:
    said = why(label, move)
    assert words in said
    assert said.startswith(f"{label} is closed")
    assert "RESET" not in said
