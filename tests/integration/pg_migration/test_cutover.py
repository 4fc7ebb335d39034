"""Users go over while they write."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover

from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import Writers, crowded, following, sides


def test_nothing_acknowledged_is_lost(move: Move) -> None:
    following(move)
    assert sides(move) == (True, False)
    writers = Writers(move)
    with writers.writing():
        result = move(cutover.run)
        writers.more()
    print(result["measured"], writers.longest)
    assert writers.lost(move.target) == []
    assert sides(move) == (False, True)
    assert writers.longest < 3 * crowded()
