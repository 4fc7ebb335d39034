"""Before anything is there: what can be told of it, is."""

from __future__ import annotations

from tests.e2e.support import run


def test_check_mode_on_an_empty_account_does_not_crash() -> None:
    outcome = run("--check", "--diff", name="check-empty")
    assert outcome.code == 0, outcome.tail()
