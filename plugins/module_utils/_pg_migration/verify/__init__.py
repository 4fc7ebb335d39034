"""Comparing both sides: online, in the freeze, or everything."""

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import run as run
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.foresee import (
    WAL_RATE,
    Foreseen,
    comparison,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.freeze import frozen, full
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.run import abandon, collect

__all__ = ["WAL_RATE", "Foreseen", "abandon", "collect", "comparison", "frozen", "full", "run"]
