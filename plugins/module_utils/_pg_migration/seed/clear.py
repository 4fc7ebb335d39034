"""Taking away what an unfinished seed has put on the target, which was empty before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import USER_SCHEMA
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import catalog
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.target import stop_leftovers

if TYPE_CHECKING:
    import psycopg

CONTENT = catalog.CONTENT.replace(catalog.USER_SCHEMA, USER_SCHEMA)


def leftovers(session: psycopg.Connection[Any], application: str) -> int:
    """End sessions of a killed run; what they had not committed is gone with them."""
    return stop_leftovers(session, application)


def content(session: psycopg.Connection[Any]) -> int:
    """Drop every table, type and function of the users. Extensions and schemas stay, empty."""
    found = session.execute(CONTENT).fetchall()
    for kind, identity in found:
        session.execute(
            f"DROP {str(kind).upper().replace('STATISTICS OBJECT', 'STATISTICS')} IF EXISTS {identity} CASCADE"
        )
    left = session.execute(CONTENT).fetchall()
    if left:
        names = ", ".join(f"{kind} {identity}" for kind, identity in left[:5])
        raise MigrationError(f"target: could not be cleared: {names}. Mend: drop them by hand, then run seed again")
    return len(found)
