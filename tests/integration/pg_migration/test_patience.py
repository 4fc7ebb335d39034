"""Locks that others hold while a move begins."""

from __future__ import annotations

import time

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import patience
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import run as preflight

from tests.integration.pg_migration.conftest import Move
from tests.waiting import until

CHANGE = psycopg.sql.SQL("ALTER TABLE public.slow REPLICA IDENTITY FULL").format()
VACUUMING = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' AND query LIKE '%public.slow%'"
)


def test_an_autovacuum_gives_way(move: Move) -> None:
    move.on_source(
        "CREATE TABLE public.slow (a text) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0,"
        " autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1);"
        "INSERT INTO public.slow SELECT repeat('x', 500) FROM generate_series(1, 20000)"
    )
    move.on_source("UPDATE public.slow SET a = a || 'y'")
    move.source.execute("ALTER SYSTEM SET autovacuum_naptime TO '1s'")
    move.source.execute("SELECT pg_reload_conf()")
    try:
        until(lambda: move.on_source(VACUUMING) == [(1,)], "no autovacuum came")
        with move.context().source() as session:
            patience.execute(session, CHANGE, "table public.slow", 10.0)
    finally:
        move.source.execute("ALTER SYSTEM RESET autovacuum_naptime")
        move.source.execute("SELECT pg_reload_conf()")
    assert move.on_source("SELECT relreplident FROM pg_class WHERE relname = 'slow'") == [("f",)]


def test_who_is_in_the_way_is_named(move: Move) -> None:
    move.on_source("CREATE TABLE public.slow (a text)")
    with move.source.admin(move.dbname) as other, move.context().source() as session:
        other.autocommit = False
        other.execute("SELECT a FROM public.slow")
        pid = other.info.backend_pid
        with pytest.raises(MigrationError, match=rf"process {pid} of postgres, for \d+ s"):
            patience.execute(session, CHANGE, "table public.slow", 7.0)


def test_a_preflight_does_not_wait_for_ever(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that is not committed keeps even the size of its table from being read."""
    monkeypatch.setattr(patience, "LOOK_PATIENCE", 1.0)
    with move.source.admin(move.dbname) as other:
        other.autocommit = False
        other.execute("ALTER TABLE public.users ADD COLUMN extra int")
        time.sleep(5)  # a younger one is not named
        with pytest.raises(
            MigrationError, match=rf"process {other.info.backend_pid} of postgres, .*nothing was changed. Mend: end"
        ):
            move(preflight.run)
        other.commit()
    assert "the move can begin" in move(preflight.run)["message"]
