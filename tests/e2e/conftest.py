"""End to end: one sandbox, one stage; the tests run in the order of their files."""

from __future__ import annotations

import pytest

from tests.e2e.support import SANDBOX


@pytest.fixture(scope="session", autouse=True)
def sandbox() -> None:
    """`make e2e` starts the sandbox; without it there is nothing to test, which is a failure, not a skip."""
    if not (SANDBOX / "env").is_file():
        pytest.fail("no sandbox is up: run `make e2e`, or `python -m sandbox up` first", pytrace=False)
