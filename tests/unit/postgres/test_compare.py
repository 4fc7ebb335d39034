"""Verdicts over two manifests."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import compare
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Manifest


def manifest() -> Manifest:
    return Manifest(
        major=15,
        tables={
            "public.t": {"rows": 10, "hash": "77", "method": "columns"},
            "public.u": {"rows": 0, "hash": "0", "method": "columns"},
        },
        objects={"index": {"public.t_pkey": "aa"}, "trigger": {}},
        sequences={"public.s": "10"},
        extensions={"citext": "1.6"},
        large_objects={"count": 1, "hash": "5"},
        unpopulated=["public.never"],
        invalid=["constraint c of public.t is not validated"],
    )


CHANGES: list[tuple[Callable[[Manifest], Any], str]] = [
    (
        lambda m: m.tables["public.t"].update(rows=9),
        "table public.t: 10 rows on the source, 9 on the target (1 missing)",
    ),
    (
        lambda m: m.tables["public.t"].update(rows=12),
        "table public.t: 10 rows on the source, 12 on the target (2 too many)",
    ),
    (
        lambda m: m.tables["public.t"].update(hash="78"),
        "table public.t: 10 rows on both sides, but their content differs",
    ),
    (
        lambda m: m.tables["public.t"].update(method="text"),
        "table public.t: rows were hashed as columns and as text, nothing is proved",
    ),
    (lambda m: m.tables.pop("public.u"), "table public.u is missing on the target"),
    (lambda m: m.tables.update({"x.y": m.tables["public.u"]}), "table x.y is on the target only"),
    (
        lambda m: m.sequences.update({"public.s": "9"}),
        "sequence public.s stands at 10 on the source, at 9 on the target",
    ),
    (lambda m: m.sequences.clear(), "sequence public.s is missing on the target"),
    (lambda m: m.objects["index"].clear(), "index public.t_pkey is missing on the target"),
    (
        lambda m: m.objects["index"].update({"public.t_pkey": "bb"}),
        "index public.t_pkey is defined differently on the target",
    ),
    (lambda m: m.objects["trigger"].update({"x": "y"}), "trigger x is on the target only"),
    (lambda m: m.extensions.clear(), "extension citext is missing on the target"),
    (lambda m: m.large_objects.update(count=0), "large objects: 1 on the source, 0 on the target"),
    (lambda m: m.large_objects.update(hash="6"), "large objects: 1 on both sides, but their content differs"),
    (lambda m: m.unpopulated.append("public.v"), "materialised view public.v is not populated on the target"),
    (lambda m: m.invalid.append("index public.i is not valid"), "index public.i is not valid on the target"),
]


@pytest.mark.parametrize(("change", "said"), CHANGES, ids=[said for _, said in CHANGES])
def test_each_difference_is_named(change: Callable[[Manifest], Any], said: str) -> None:
    actual = manifest()
    change(actual)
    assert compare.differences(manifest(), actual) == [said]


def test_equal_is_equal() -> None:
    assert compare.differences(manifest(), manifest()) == []
    assert compare.drift(manifest(), manifest()) == []


def test_between_majors_only_the_existence_of_objects_counts() -> None:
    newer = copy.replace(manifest(), major=16) if hasattr(copy, "replace") else manifest()
    newer.major = 16
    newer.objects["index"]["public.t_pkey"] = "printed otherwise by 16"
    assert compare.differences(manifest(), newer) == []


def test_another_version_of_an_extension_is_a_note() -> None:
    actual = manifest()
    actual.extensions["citext"] = "1.7"
    assert compare.differences(manifest(), actual) == []
    assert compare.notes(manifest(), actual) == ["extension citext is 1.6 on the source and 1.7 on the target"]


def test_drift_names_what_the_source_was_given_since() -> None:
    now = manifest()
    now.tables["public.t"]["rows"] = 11
    now.tables["public.new"] = {"rows": 1, "hash": "1", "method": "columns"}
    del now.tables["public.u"]
    now.sequences["public.s"] = "11"
    assert compare.drift(manifest(), now) == [
        "table public.new was made",
        "table public.t: 10 rows in the dump, 11 now",
        "table public.u was dropped",
        "sequence public.s: 10 in the dump, 11 now",
    ]
