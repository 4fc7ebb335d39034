"""Where a sequence has to be set."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.carry import Standing, onward

DOWN = {"increment": -1, "least": -(2**63), "most": -1}


@pytest.mark.parametrize(
    ("old", "new", "margin", "wanted"),
    [
        (Standing(7, True), Standing(1, False), 100, (107, True)),
        (Standing(7, True), Standing(200, True), 100, None),  # never backwards
        (Standing(7, True), Standing(107, True), 100, None),
        (Standing(7, True), Standing(107, False), 100, (107, True)),  # 107 would be given out
        (Standing(1, False), Standing(1, False), 100, None),  # never used: the first value stays the first
        (Standing(42, False), Standing(1, False), 100, (42, False)),
        (Standing(7, True, 5), Standing(2, True, 5), 10, (57, True)),
        (Standing(-7, True, **DOWN), Standing(-1, False, **DOWN), 10, (-17, True)),
        (Standing(-7, True, **DOWN), Standing(-30, True, **DOWN), 10, None),
        (Standing(95, True, 1, 1, 100), Standing(1, False, 1, 1, 100), 1000, (100, True)),
        (Standing(9, True), Standing(9, True), 0, None),
    ],
)
def test_onward(old: Standing, new: Standing, margin: int, wanted: tuple[int, bool] | None) -> None:
    assert onward(old, new, margin) == wanted
