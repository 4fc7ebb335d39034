"""DDL on the source during a move."""

from __future__ import annotations

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import guard

from tests.integration.pg_migration.conftest import Move

REFUSED = (
    "ALTER TABLE public.users ADD COLUMN extra int",
    "CREATE TABLE public.fresh (id int)",
    "CREATE INDEX ON public.users (email)",
    "DROP TABLE public.log",
    "GRANT SELECT ON public.users TO PUBLIC",
    "CREATE EXTENSION pg_visibility",
    "SET session_replication_role TO replica; DROP TABLE public.log",
)
ALLOWED = (
    "CREATE TEMP TABLE mine (id serial PRIMARY KEY, t text); CREATE INDEX ON mine (t); ALTER TABLE mine ADD x int; DROP TABLE mine",
    "CREATE TEMP TABLE m2 AS SELECT 1 AS a; SELECT * INTO TEMP m3 FROM m2; DROP TABLE m2",
    "TRUNCATE public.log",
    "REFRESH MATERIALIZED VIEW public.totals",
)


def test_refuses_what_would_not_follow(trap_move: Move) -> None:
    trap_move.on_source("CREATE MATERIALIZED VIEW IF NOT EXISTS public.totals AS SELECT 1 AS one")
    with trap_move.opened() as context:
        assert guard.install(context)
        assert not guard.install(context)
        for statement in REFUSED:
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="being moved to") as caught:
                trap_move.on_source(statement)
            assert "Mend" in str(caught.value.diag.message_hint)
        for statement in ALLOWED:
            trap_move.on_source(statement)
        with context.source() as session:  # the move's own sessions
            session.execute("CREATE TABLE platform_migration.probe (id int)")
            session.execute("DROP TABLE platform_migration.probe")
        assert guard.remove(context)
        assert not guard.remove(context)
        trap_move.on_source(REFUSED[0])
