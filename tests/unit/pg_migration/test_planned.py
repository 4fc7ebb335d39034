"""What check mode of the copy says, before anything is made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import NEW, Settings, Table
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import estimate, weight
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.model import Content
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run as seeding

MIB = 1024**2
TABLE = Table("public", "t", "public.t", 1, 600 * MIB, 5000, ("id",), "d")


def planned(monkeypatch: pytest.MonkeyPatch, content: Content, superuser: bool, **settings: Any) -> dict[str, Any]:
    monkeypatch.setattr(weight, "read", lambda _source: content)
    monkeypatch.setattr(weight.object_digests, "readable", lambda _source: superuser)
    context = MagicMock(settings=Settings(folder="/work", **settings))
    return seeding._planned(context, NEW)


def test_the_copy_the_comparison_and_the_freeze_are_foreseen(monkeypatch: pytest.MonkeyPatch) -> None:
    found = planned(monkeypatch, Content(tables=(TABLE,), index_bytes=400 * MIB), True, jobs=4)
    assert found["estimate"]["seconds"] == 10 + 10 + estimate.SEED_FIXED
    assert found["estimate"]["freeze_seconds"] == estimate.FREEZE_FIXED
    assert "about 22 s; then about 7 s to compare them, and a freeze of about 0.5 s" in found["message"]


@pytest.mark.parametrize(("mib", "least", "most"), [(70, 1, 2), (1270, 11, 16), (5060, 48, 58)])
def test_the_comparison_takes_what_it_took_beside_writers(mib: int, least: float, most: float) -> None:
    """docs/figures.md, section downtime: 112, 2041 and 8161 MiB, of which five eighths are tables."""
    content = Content(tables=(replace(TABLE, bytes=mib * MIB),))
    assert least <= estimate.of_content(content, True, Settings())["verify_seconds"] <= most


def test_what_the_freeze_carries_makes_it_longer_before_anything_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    carried = Content(tables=(TABLE,), unlogged_bytes=50 * MIB, large_object_bytes=400 * MIB, late_view_bytes=60 * MIB)
    freeze = planned(monkeypatch, carried, False)["estimate"]["freeze_seconds"]
    assert freeze == pytest.approx(0.5 + 2 + 16 + 2)
    assert planned(monkeypatch, carried, True)["estimate"]["freeze_seconds"] == pytest.approx(0.5 + 2 + 1 + 2)
