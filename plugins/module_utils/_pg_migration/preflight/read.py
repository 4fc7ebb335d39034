"""Reading both servers. Nothing is changed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    facts,
    memberships,
    role_settings,
    view_reach,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import (
    ABANDONED,
    FINISHED,
    NEW,
    SEEDING,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import (
    applying,
    extensions,
    queries,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.model import (
    Content,
    Facts,
    Side,
    Waiting,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import ledger
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import api

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg
    from psycopg import sql

if TYPE_CHECKING:
    import psycopg

PATIENCE = "20s"  # for a look through the pieces of long values


def read(context: Context, here: psycopg.Connection[Any], there: psycopg.Connection[Any]) -> Facts:
    source, target = api.read_source(here), api.read_target(there)
    roles = context.settings.application_roles
    unset = role_settings.lacking(
        role_settings.read(here, roles), role_settings.read(there, roles), context.ends.target.dbname
    )
    return Facts(
        source=source,
        target=target,
        here=side(here, [*roles, context.ends.publisher.username]),
        there=side(there, [*roles, context.ends.returner.username]),
        content=content(here, there),
        runner=api.read_runner(Path(context.settings.folder), target.server.major, context.settings.client_folder),
        same=api.same_database(here, there),
        fresh=_fresh(context, there),
        lacks=tuple(memberships.lacking(here, there, roles)),
        unset=tuple((whose, statement) for _, whose, statement in unset),
    )


def _fresh(context: Context, there: psycopg.Connection[Any]) -> bool:
    """A seed that was begun may have put nothing there so far: then whatever is there is a stranger's."""
    if context.journal.phase == SEEDING:
        return not ledger.marked(there, str(context.journal.entries["id"]))
    return context.journal.phase in (NEW, FINISHED, ABANDONED)


def side(session: psycopg.Connection[Any], roles: Sequence[str]) -> Side:
    row = session.execute(queries.SIDE).fetchone()
    assert row is not None
    slots, senders, origins, workers, login, superuser, replication, bypass, managed, replicates, subscribes, free = row
    return Side(
        settings=dict(session.execute(queries.SETTINGS).fetchall()),
        slots_used=slots,
        senders_used=senders,
        origins_used=origins,
        workers_used=workers,
        login=login,
        superuser=superuser,
        replication=replication or replicates,
        bypasses_policies=bypass,
        managed_superuser=managed,
        makes_subscriptions=superuser or managed or subscribes,
        free_connections=free,
        sorted_sample=_sample(session),
        prepared=tuple(session.execute(queries.PREPARED).fetchall()),
        roles={row[0]: (row[1], row[2]) for row in session.execute(queries.ROLES, (list(roles),))},
    )


def _sample(session: psycopg.Connection[Any]) -> str:
    """Empty where the server's encoding does not know the words."""
    try:
        return str((session.execute(queries.SAMPLE).fetchone() or ("",))[0])
    except psycopg.errors.UntranslatableCharacter:
        return ""


def content(session: psycopg.Connection[Any], there: psycopg.Connection[Any]) -> Content:
    temporary, objects, object_bytes, sequences, index_bytes = session.execute(queries.COUNTS).fetchone() or (0,) * 5
    views = session.execute(queries.VIEWS).fetchall()
    late = view_reach.late(session)
    unlogged = facts.read_unlogged(session)
    oversize, unknown = _oversize(session)
    return Content(
        tables=tuple(facts.read_tables(session)),
        unlogged=tuple(table.label for table in unlogged),
        unlogged_bytes=sum(table.bytes for table in unlogged),
        temporary=temporary,
        policies=tuple(session.execute(queries.POLICIES).fetchall()),
        large_objects=objects,
        large_object_bytes=object_bytes,
        views=tuple(row[0] for row in views),
        late_views=tuple(sorted(late.items())),
        late_view_bytes=sum(row[1] for row in views if row[0] in late),
        index_bytes=index_bytes,
        sequences=sequences,
        near_end=tuple(_allowed(session, queries.NEAR_END)),
        waiting=tuple(Waiting(*row) for row in session.execute(queries.WAITING)),
        oversize=tuple(oversize),
        oversize_unknown=tuple(unknown),
        subscriptions=tuple(row[0] for row in session.execute(queries.SUBSCRIPTIONS)),
        extension_rows=tuple(extensions.read(session, there)),
        firing=tuple(applying.firing(session)),
        unequal=tuple(applying.unequal(session)),
        wal_bytes=int(next(iter(_allowed(session, queries.WAL)), (0,))[0]),
        wal_rate=float(next(iter(_allowed(session, queries.WAL_RATE)), (0,))[0] or 0.0),
    )


def _allowed(session: psycopg.Connection[Any], query: str) -> list[tuple[Any, ...]]:
    """What this login may not see, or this version does not have, is not known; nothing more."""
    try:
        return session.execute(sql.SQL(query)).fetchall()
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction):
        return []


def _oversize(session: psycopg.Connection[Any]) -> tuple[list[tuple[str, int]], list[str]]:
    """Rows that may be too long for one message, looked for only where there is room for them."""
    found, unknown = [], []
    for label, size in session.execute(queries.TOASTED, {"least": queries.LEAST_TOAST}).fetchall():
        query = sql.SQL(queries.LONGEST).format(sql.SQL(size), sql.SQL(label), sql.Literal(queries.LONG_ROW))
        try:
            with session.transaction():
                session.execute(sql.SQL("SET LOCAL statement_timeout TO {}").format(PATIENCE))
                longest = session.execute(query).fetchone()
        except (psycopg.errors.QueryCanceled, psycopg.errors.InsufficientPrivilege):
            unknown.append(label)
            continue
        if longest:
            found.append((f"{label}, row at ctid {longest[0]}", int(longest[1])))
    return found, unknown


def hba(session: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return _allowed(session, queries.HBA)
