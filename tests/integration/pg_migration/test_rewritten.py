"""A table that is rewritten on the source (VACUUM FULL, CLUSTER) while it is copied by ranges of its pages: its rows are elsewhere then."""

from __future__ import annotations

import threading

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run

from tests.integration.pg_migration.conftest import Move, until
from tests.integration.pg_migration.test_seed import MIB, SMALL_PARTS, copied, kill, seeding

SLOW = {**SMALL_PARTS, "rate_limit": 2 * MIB}
BIG_PARTS = (
    "SELECT count(*) FROM platform_migration.parts WHERE relation = 'public.big' AND part < 3 AND copied IS NOT NULL"
)


@pytest.fixture
def holed(big_move: Move) -> Move:
    """Room at the beginning, so that what is rewritten moves to the front."""
    big_move.on_source("ALTER TABLE big SET (autovacuum_enabled = off)")
    big_move.on_source("DELETE FROM big WHERE id <= 20000")
    return big_move


def test_between_two_runs_of_the_seed(holed: Move) -> None:
    """Nothing holds the table while no worker lives: the snapshot alone does not."""
    move = holed
    with seeding(move, **SLOW) as seed:
        until(lambda: move.on_target(BIG_PARTS)[0][0] >= 2)
        kill(move)
        with pytest.raises(MigrationError, match="ended without a word"):
            seed.result()
    had = copied(move)
    move.on_source("VACUUM FULL big")
    assert move(run.run, **SMALL_PARTS)["phase"] == "seeded"
    move.same_rows()
    assert had


@pytest.mark.parametrize("statement", ["VACUUM FULL big", "CLUSTER big USING big_a"])
@pytest.mark.fewer("VACUUM FULL big")
def test_while_it_is_copied(holed: Move, statement: str) -> None:
    """It waits for whoever has begun to read the table, and whoever has not waits for it."""
    move = holed
    rewriting = threading.Thread(target=lambda: move.on_source(statement), daemon=True)
    with seeding(move, **SLOW) as seed:
        until(lambda: move.on_target(BIG_PARTS)[0][0] >= 1)
        rewriting.start()
        assert seed.result()["phase"] == "seeded"
    rewriting.join(30)
    move.same_rows()
