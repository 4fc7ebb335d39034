"""Taking away what an unfinished seed has put on the target, which was empty before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import extension_rows, large_objects
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.facts import USER_SCHEMA
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import ledger
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import catalog
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.target import stop_leftovers

if TYPE_CHECKING:
    import psycopg

CONTENT = catalog.CONTENT.replace(catalog.USER_SCHEMA, USER_SCHEMA)


def leftovers(session: psycopg.Connection[Any], application: str) -> int:
    """End sessions of a killed run; what they had not committed is gone with them."""
    return stop_leftovers(session, application)


def claim(session: psycopg.Connection[Any], move: str) -> None:
    """Say on the target that this move fills it, and empty it of what an earlier run of this move put there."""
    content(session, move)
    rows(session, move)
    ledger.mark(session, move)


def content(session: psycopg.Connection[Any], move: str) -> int:
    """Drop every table, type and function of the users, if it was this move that put them there. Extensions and schemas stay, empty."""
    found = session.execute(CONTENT).fetchall()
    if found and not ledger.marked(session, move):
        shown = ", ".join(f"{kind} {identity}" for kind, identity in found[:5])
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise MigrationError(
            f"target {session.info.host}:{session.info.port}/{session.info.dbname} is not empty ({shown}{more}) and this move did not fill it."
            " Mend: give the name of an empty database, or drop that by hand; nothing is ever overwritten"
        )
    if ledger.marked(session, move):
        large_objects.drop(session)
    for kind, identity in found:
        session.execute(
            f"DROP {str(kind).upper().replace('STATISTICS OBJECT', 'STATISTICS')} IF EXISTS {identity} CASCADE"
        )
    left = session.execute(CONTENT).fetchall()
    if left:
        names = ", ".join(f"{kind} {identity}" for kind, identity in left[:5])
        raise MigrationError(f"target: could not be cleared: {names}. Mend: drop them by hand, then run seed again")
    return len(found)


def rows(session: psycopg.Connection[Any], move: str, left: Sequence[str] = ()) -> list[str]:
    """Delete what this move has put into tables of extensions, which stay; says what stays in them. After `content`, which refers to it."""
    filled = ledger.filled(session, move)
    kept = extension_rows.remove(session, filled)
    empty = extension_rows.empty(session, left)
    held = [one for one in extension_rows.tables(session, left) if one.label not in {*filled, *empty}]
    return kept + [
        f"{one.label} of extension {one.extension} held rows of the users before the move: what is there now was left alone"
        for one in held
    ]
