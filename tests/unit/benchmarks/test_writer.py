"""The gap that a benchmark reports must not be smaller than what its client saw."""

from __future__ import annotations

import pytest

from benchmarks._writer import longest_gap

STEADY = [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("acknowledged", "begin", "end", "gap"),
    [
        pytest.param(STEADY, 0.5, 2.5, 1.0, id="steady"),
        pytest.param([0.0, 1.0, 6.0, 7.0], 0.0, 7.0, 5.0, id="within"),
        pytest.param([0.0, 1.0, 6.0, 7.0], 2.0, 3.0, 5.0, id="around the whole window"),
        pytest.param([0.0, 1.0, 6.0, 7.0], 4.0, 6.5, 5.0, id="began before the window"),
        pytest.param([0.0, 1.0, 6.0, 7.0], 0.0, 2.0, 5.0, id="ended after the window"),
        pytest.param([0.0, 9.0, 10.0, 11.0], 9.5, 10.5, 1.0, id="of another phase"),
        pytest.param([0.0, 1.0], 0.5, 8.0, 7.0, id="never came back"),
        pytest.param([], 2.0, 5.0, 3.0, id="never wrote"),
    ],
)
def test_longest_gap(acknowledged: list[float], begin: float, end: float, gap: float) -> None:
    assert longest_gap(acknowledged, begin, end) == gap
