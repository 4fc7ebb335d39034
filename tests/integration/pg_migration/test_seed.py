"""The seed between two real servers."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import facts

from tests.integration.pg_migration.conftest import Move


def test_reads_the_tables(trap_move: Move) -> None:
    trap_move.on_source("CREATE TABLE chosen (a int NOT NULL, b int NOT NULL, c int, UNIQUE (a, b) INCLUDE (c))")
    trap_move.on_source(
        "CREATE TABLE loose (a int UNIQUE, b int NOT NULL); CREATE UNIQUE INDEX ON loose (b) WHERE b > 0"
    )
    with trap_move.context().source() as session:
        tables = {table.label: table for table in facts.read_tables(session)}
        unlogged = [table.label for table in facts.read_unlogged(session)]
    assert unlogged == ["public.scratch"]
    assert tables["public.users"].key == ("id",)
    assert tables["public.bookings_2025"].key == ("id", "at")
    assert tables["public.chosen"].key == ("a", "b")
    assert tables["public.loose"].key == ()
    assert tables["public.log"].key == ()
    assert tables['"odd Schema"."T ""x"" %s"'].key == ("ID",)
    assert "public.bookings" not in tables
