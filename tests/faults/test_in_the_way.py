# ruff: noqa: S608 - statements of constants of this file
"""What others have under way when a move begins, follows or ends: changes of the schema, rows, long transactions."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, follow, returning, verify
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run as seeds
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import snapshot

from tests.faults.support import BUDGET
from tests.integration.pg_clusters import Cluster
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import (
    GRANTS,
    LEDGER,
    Writers,
    following,
    login,
    sides,
)
from tests.integration.pg_migration.test_seed import seeding
from tests.waiting import crowded, until

WAITS = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'platform_migration/%' AND wait_event_type = 'Lock' AND wait_event = '{}'"
FAR = 10_000_000  # a key that the writers do not reach


@contextlib.contextmanager
def under_way(cluster: Cluster, dbname: str, *statements: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that has begun, and is not committed."""
    with cluster.admin(dbname) as session:
        session.execute("SET default_transaction_read_only TO off")
        session.autocommit = False
        for statement in statements:
            session.execute(statement)
        yield session


def stays_at_the_source(move: Move, writers: Writers, attempt: Callable[[], object], words: str) -> None:
    """Refused with its reason, and nobody was touched."""
    with pytest.raises(MigrationError, match=words) as caught:
        attempt()
    assert "Mend: " in str(caught.value)
    assert sides(move) == (True, False)
    writers.more()
    assert writers.lost(move.source) == []


def goes_over(move: Move, writers: Writers) -> None:
    """The rest of the move: every acknowledged write is on the target, which is the only side that takes more."""
    writers.more()
    assert move(cutover.run, freeze_budget=BUDGET * crowded())["phase"] == "switched"
    assert sides(move) == (False, True)
    writers.more()
    assert writers.lost(move.target) == []


def test_a_changed_schema_that_is_not_committed_when_the_seed_begins(move: Move) -> None:
    """One change keeps the preflight waiting; a new table comes in behind the publication, while the slot waits for its transaction."""
    move.on_source(LEDGER)
    move.on_source(GRANTS)
    writers = Writers(move)
    column = under_way(move.source, move.dbname, "ALTER TABLE public.users ADD COLUMN extra int DEFAULT 1")
    table = under_way(move.source, move.dbname, "CREATE TABLE public.fresh (id int, extra int)")
    with writers.writing(), column as first, table as second, seeding(move) as seed:
        until(lambda: move.source.execute(WAITS.format("relation")), "the preflight does not wait")
        writers.more()
        first.commit()
        until(lambda: move.source.execute(WAITS.format("transactionid")), "the slot does not wait")
        writers.more()
        assert sides(move) == (True, False)
        second.execute("INSERT INTO public.fresh VALUES (1, 1)")
        second.commit()
        assert seed.result(60)["phase"] == "seeded"
        move.on_target(GRANTS)
        move.on_source("INSERT INTO public.fresh VALUES (2, 2); UPDATE public.fresh SET extra = 3 WHERE id = 1")
        move.on_source("UPDATE public.users SET extra = 2 WHERE id = (SELECT min(id) FROM public.users)")
        assert move(follow.run)["phase"] == "following"
        assert move(verify.run.run)["report"]["verdict"] == "the same"
        goes_over(move, writers)
    move.equal("SELECT id, extra FROM public.users ORDER BY id")
    assert move.on_target("SELECT id, extra FROM public.fresh ORDER BY id") == [(1, 3), (2, 2)]


def test_a_row_of_somebody_else_on_the_target(move: Move) -> None:
    """The subscription stops at it; follow names the row, and goes on when it is gone."""
    following(move)
    writers = Writers(move)
    with writers.writing():
        move.on_target(f"SET transaction_read_only TO off; INSERT INTO public.ledger (n) VALUES ({FAR})")
        move.on_source(f"INSERT INTO public.ledger (n, note) VALUES ({FAR}, 'ours')")
        until(lambda: not follow.health(move.context()).enabled, "disable_on_error")
        stays_at_the_source(move, writers, lambda: move(follow.run), rf"public.ledger \(n={FAR}\)")
        stays_at_the_source(move, writers, lambda: move(cutover.run), "users are not touched")
        move.on_target(f"SET transaction_read_only TO off; DELETE FROM public.ledger WHERE n = {FAR}")
        assert move(follow.run)["phase"] == "following"
        goes_over(move, writers)
    assert move.on_target(f"SELECT note FROM public.ledger WHERE n = {FAR}") == [("ours",)]


def test_long_transactions_from_before_the_seed_until_the_cutover(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that reads is in nobody's way. One that writes is named and waited for; in the freeze it ends with its session."""
    move.on_source(LEDGER)
    move.on_source(GRANTS)
    writers = Writers(move)
    insert = "INSERT INTO public.ledger (n) VALUES ({})"
    with writers.writing(), contextlib.closing(login(move.source, move.dbname)) as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM public.ledger")
        with under_way(move.source, move.dbname, insert.format(-5)) as writing:
            pid = writing.info.backend_pid
            # Only here, where the end is sure: on a busy machine what is to succeed may need longer than this.
            with monkeypatch.context() as patch:
                patch.setattr(snapshot, "create", functools.partial(snapshot.create, patience=1.5))
                stays_at_the_source(
                    move, writers, lambda: move(seeds.run), f"waits for transactions that write .*pid {pid}"
                )
            assert move.source.execute("SELECT count(*) FROM pg_replication_slots") == [(0,)]
            writing.commit()
        assert move(seeds.run)["phase"] == "seeded"
        move.on_target(GRANTS)
        move(follow.run)
        move(verify.run.run)
        with contextlib.closing(login(move.source, move.dbname)) as left_open:
            left_open.execute("BEGIN; " + insert.format(-6))
            with under_way(move.target, move.dbname, "SELECT pg_current_xact_id()"), monkeypatch.context() as patch:
                patch.setattr(returning, "PATIENCE", "1s")
                stays_at_the_source(
                    move, writers, lambda: move(cutover.run), "the way back cannot be armed: a transaction on"
                )
            goes_over(move, writers)
            with pytest.raises(psycopg.OperationalError):
                left_open.execute("COMMIT")
    for there in (move.on_source, move.on_target):
        assert there("SELECT n FROM public.ledger WHERE n IN (-5, -6)") == [(-5,)]
