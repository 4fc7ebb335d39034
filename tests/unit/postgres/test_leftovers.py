"""Sessions that a killed run left on the target."""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import MagicMock

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.target import stop_leftovers


def server(ended: bool, still_there: bool) -> MagicMock:
    """One session; what `pg_terminate_backend` says of it, and whether it is seen after that."""
    looks = iter([[(7,)], [(7,)] if still_there else []])

    def execute(statement: str, parameters: Sequence[object]) -> MagicMock:
        rows = [(ended,)] if "pg_terminate_backend(%s" in statement else next(looks)
        return MagicMock(fetchall=lambda: rows, fetchone=lambda: rows[0] if rows else None)

    return MagicMock(execute=execute)


def test_one_that_ended_before_it_was_told_to_is_no_fault() -> None:
    assert stop_leftovers(server(ended=True, still_there=True), "seed") == 1
    assert stop_leftovers(server(ended=False, still_there=False), "seed") == 1


def test_one_that_does_not_end_is_named() -> None:
    with pytest.raises(PgError, match=r"session 7 .* Mend: pg_terminate_backend\(7\)"):
        stop_leftovers(server(ended=False, still_there=True), "seed")
