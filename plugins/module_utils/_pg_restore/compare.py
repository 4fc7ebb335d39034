"""Two manifests side by side: every difference in words, none is forgiven."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Manifest


def _missing_and_extra(what: str, expected: Iterable[str], actual: Iterable[str]) -> list[str]:
    there, here = set(expected), set(actual)
    return [f"{what} {name} is missing on the target" for name in sorted(there - here)] + [
        f"{what} {name} is on the target only" for name in sorted(here - there)
    ]


def _table(name: str, expected: Mapping[str, Any], actual: Mapping[str, Any]) -> list[str]:
    if expected["rows"] != actual["rows"]:
        delta = int(actual["rows"]) - int(expected["rows"])
        words = f"{abs(delta)} {'too many' if delta > 0 else 'missing'}"
        return [f"table {name}: {expected['rows']} rows on the source, {actual['rows']} on the target ({words})"]
    if expected["method"] != actual["method"]:
        return [f"table {name}: rows were hashed as {expected['method']} and as {actual['method']}, nothing is proved"]
    if expected["hash"] != actual["hash"]:
        return [f"table {name}: {expected['rows']} rows on both sides, but their content differs"]
    return []


def tables(expected: Manifest, actual: Manifest) -> list[str]:
    """Rows and their content, tables and materialised views."""
    found = _missing_and_extra("table", expected.tables, actual.tables)
    for name in sorted(expected.tables.keys() & actual.tables.keys()):
        found += _table(name, expected.tables[name], actual.tables[name])
    return found


def sequences(expected: Manifest, actual: Manifest) -> list[str]:
    found = _missing_and_extra("sequence", expected.sequences, actual.sequences)
    for name in sorted(expected.sequences.keys() & actual.sequences.keys()):
        if expected.sequences[name] != actual.sequences[name]:
            found.append(
                f"sequence {name} stands at {expected.sequences[name]} on the source, at {actual.sequences[name]} on the target"
            )
    return found


def large_objects(expected: Manifest, actual: Manifest) -> list[str]:
    if expected.large_objects == actual.large_objects:
        return []
    before, after = expected.large_objects.get("count", 0), actual.large_objects.get("count", 0)
    if before != after:
        return [f"large objects: {before} on the source, {after} on the target"]
    return [f"large objects: {before} on both sides, but their content differs"]


def objects(expected: Manifest, actual: Manifest) -> list[str]:
    """Constraints, indexes, views, functions and the like; their text only within one major."""
    found: list[str] = []
    for kind in sorted(expected.objects.keys() | actual.objects.keys()):
        before, after = expected.objects.get(kind, {}), actual.objects.get(kind, {})
        found += _missing_and_extra(kind, before, after)
        if expected.major == actual.major:
            found += [
                f"{kind} {name} is defined differently on the target"
                for name in sorted(before.keys() & after.keys())
                if before[name] != after[name]
            ]
    return found


def differences(expected: Manifest, actual: Manifest) -> list[str]:
    """Everything in which the target is not the source."""
    found = tables(expected, actual) + sequences(expected, actual) + large_objects(expected, actual)
    found += objects(expected, actual)
    found += [
        f"extension {name} is missing on the target"
        for name in sorted(expected.extensions.keys() - actual.extensions.keys())
    ]
    found += [f"{what} on the target" for what in sorted(set(actual.invalid) - set(expected.invalid))]
    found += [
        f"materialised view {name} is not populated on the target"
        for name in sorted(set(actual.unpopulated) - set(expected.unpopulated))
    ]
    return found


def drift(dumped: Manifest, now: Manifest) -> list[str]:
    """What the source has been given since the dump, and the target therefore lacks."""
    found: list[str] = []
    for name in sorted(dumped.tables.keys() | now.tables.keys()):
        before, after = dumped.tables.get(name), now.tables.get(name)
        if before is None or after is None:
            found.append(f"table {name} was {'made' if before is None else 'dropped'}")
        elif before != after:
            found.append(f"table {name}: {before['rows']} rows in the dump, {after['rows']} now")
    found += [
        f"sequence {name}: {dumped.sequences[name]} in the dump, {now.sequences[name]} now"
        for name in sorted(dumped.sequences.keys() & now.sequences.keys())
        if dumped.sequences[name] != now.sequences[name]
    ]
    if dumped.large_objects != now.large_objects:
        found.append("large objects were changed")
    return found


def notes(expected: Manifest, actual: Manifest) -> list[str]:
    """Differences that are no fault, but worth a line."""
    return [
        f"extension {name} is {expected.extensions[name]} on the source and {actual.extensions[name]} on the target"
        for name in sorted(expected.extensions.keys() & actual.extensions.keys())
        if expected.extensions[name] != actual.extensions[name]
    ]
