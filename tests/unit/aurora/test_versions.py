"""The wanted engine version, and what it becomes."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._rds.errors import FaultyWishError
from ansible_collections.tiketi.platform.plugins.module_utils._rds.versions import resolve

OFFERED = ["14.13", "15.9", "15.18", "15.10", "16.4"]


@pytest.mark.parametrize(
    ("wanted", "current", "version", "message"),
    [
        ("15.10", None, "15.10", ""),
        ("15.4", None, "15.18", "15.4 can no longer be created: 15.18"),  # and not 15.9, the last by the alphabet
        ("15", None, "15.18", ""),
        ("15.4", "15.10", "15.10", ""),  # newer than the pin: left alone
        ("15", "15.9", "15.9", ""),
        ("15.10", "15.9", "15.10", ""),
        ("15.11", "15.9", "15.18", "15.11 can no longer be created"),
    ],
)
def test_resolution(wanted: str, current: str | None, version: str, message: str) -> None:
    resolution = resolve(wanted, OFFERED, current)
    assert resolution.version == version
    assert message in resolution.message
    assert bool(message) is bool(resolution.message)


@pytest.mark.parametrize(
    ("wanted", "current", "word"),
    [("13.2", None, "majors: 14, 15, 16"), ("16.4", "15.10", "migration"), ("newest", None, "no version")],
)
def test_refusal(wanted: str, current: str | None, word: str) -> None:
    with pytest.raises(FaultyWishError) as error:
        resolve(wanted, OFFERED, current)
    assert word in error.value.faults[0]
