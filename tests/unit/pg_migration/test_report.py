"""The report's page."""

from __future__ import annotations

from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.page import page


def report(**changes: Any) -> dict[str, Any]:
    table = {
        "name": 'public."<b>"',
        "rows": [1200, 1200],
        "hashes": ["77", "77"],
        "method": "hash_record_extended",
        "key": ["id"],
        "ranges": 1,
        "seconds": 0.5,
        "set_aside": 0,
        "again_in_freeze": False,
        "differences": [],
    }
    return {
        "verdict": "the same",
        "move": "m",
        "source": "a:1/x",
        "target": "b:2/x",
        "written": "now",
        "seconds": 1.0,
        "rows": 1200,
        "tables": [table],
        "tls": [{"leg": "target to source h:1", "sslmode": "require", "verified": False}],
        "notices": ["large <objects>"],
        "differences": [],
        "frozen": None,
        **changes,
    }


def test_says_what_was_the_same_and_escapes_names() -> None:
    text = page(report())
    assert '<span class="good">the same</span>' in text
    assert "public.&quot;&lt;b&gt;&quot;" in text
    assert "1,200" in text
    assert "large &lt;objects&gt;" in text
    assert "<script" not in text
    assert "http" not in text


def test_says_what_differs_and_how_the_freeze_ended() -> None:
    frozen = {
        "method": "full",
        "why": "no online one",
        "rows": 5,
        "whole_tables": ["t"],
        "seconds": 0.25,
        "differences": ["table t: row (id=<1>) differs"],
    }
    text = page(report(verdict="different", frozen=frozen))
    assert '<span class="bad">different</span>' in text
    assert "everything, 5 rows (no online one); 0.25 s" in text
    assert "row (id=&lt;1&gt;) differs" in text
