"""Which variants of a test `make test` runs: `@pytest.mark.fewer(*ids)` names those of its parameters, `fewer(2)` means the first
two; the others are marked `full`."""

from __future__ import annotations

from collections import defaultdict

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "fewer(*ids): the ids of the parameters that `make test` runs, of many; or how many of the first"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    left, seen = defaultdict[str, int](int), defaultdict[str, int](int)
    for item in items:
        fewer, spec = item.get_closest_marker("fewer"), getattr(item, "callspec", None)
        if fewer is None or spec is None:
            continue
        test = item.nodeid.partition("[")[0]
        seen[test] += 1
        if any(seen[test] <= chosen if isinstance(chosen, int) else spec.id == chosen for chosen in fewer.args):
            left[test] += 1
        else:
            item.add_marker("full")
            left[test] += 0
    # One variant asked for by its name is no mistake; a name that no variant has is one.
    lost = [test for test, count in left.items() if not count and sum(i.nodeid.startswith(test) for i in items) > 1]
    if lost:
        raise pytest.UsageError(f"fewer() names no variant of {', '.join(lost)}")
