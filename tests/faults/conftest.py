"""The servers and moves of tests/integration/pg_migration, to be treated badly."""

from tests.integration.pg_migration.conftest import clusters, make_move, move, trap_move

__all__ = ["clusters", "make_move", "move", "trap_move"]
