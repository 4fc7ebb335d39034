# ruff: noqa: S608 - statements of constants of this file
"""Materialised views: never staler after a cutover than before it, and no part of the freeze unless somebody refreshed them meanwhile."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import cutover, rollback, view_reach, views

from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import LEDGER, at, following
from tests.waiting import crowded

SLEEP = 1.0
SUMMED = "CREATE MATERIALIZED VIEW public.summed AS SELECT 1 AS id, count(*) AS n, sum(touched) AS touched FROM public.ledger"
SLOW = f"CREATE MATERIALIZED VIEW public.slow AS SELECT x.n, pg_sleep({SLEEP})::text FROM (SELECT count(*) AS n FROM public.ledger) x"
UNIQUE = "CREATE UNIQUE INDEX ON public.summed (id)"
REFRESH, CONCURRENTLY = "REFRESH MATERIALIZED VIEW", "REFRESH MATERIALIZED VIEW CONCURRENTLY"
STATE = "SELECT id, n, touched FROM public.summed"


def begun(move: Move, *statements: str) -> None:
    move.on_source(LEDGER)
    for statement in statements:
        move.on_source(statement)
    following(move)


def carried(result: dict[str, Any]) -> float:
    """Seconds of the freeze in which things are carried over."""
    return float(result["measured"]["seconds"]["postgresql: carry"])


def test_a_view_that_nobody_refreshed_costs_the_freeze_nothing(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor back; and one that was refreshed is refreshed, which the prediction cannot know if it comes after it."""
    begun(move, SLOW, SUMMED, UNIQUE)
    move.on_source("INSERT INTO public.ledger (n) VALUES (1)")
    planned = move(cutover.run, check=True)
    assert planned["estimate"]["view_seconds"] < 0.1
    assert any("public.slow" in one and "Mend: let no job refresh them" in one for one in planned["notices"])
    result = move(cutover.run, rehearse=True)
    assert carried(result) < SLEEP * 0.9
    assert result["measured"]["predicted"] < SLEEP
    result = move(cutover.run, freeze_budget=10.0 * crowded())
    assert carried(result) < SLEEP * 0.9, result["measured"]
    assert move.on_target("SELECT n FROM public.slow") == [(1,)]  # fresher than on the source
    assert move.on_source("SELECT n FROM public.slow") == [(0,)]
    result = move(rollback.run, freeze_budget=10.0 * crowded())
    assert carried(result) < SLEEP * 0.9, result["measured"]
    assert move.on_source("SELECT n FROM public.slow") == [(1,)]


@pytest.mark.parametrize("how", [REFRESH, CONCURRENTLY])
@pytest.mark.fewer(1)
def test_one_that_was_refreshed_meanwhile_is_refreshed_in_the_freeze(
    move: Move, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    begun(move, SLOW, SUMMED, UNIQUE)

    def somebody(there: Callable[[str], Any]) -> Callable[[], Any]:
        return lambda: there(
            f"INSERT INTO public.ledger SELECT coalesce(max(n), 0) + 1, 5 FROM public.ledger; {how} public.summed"
        )

    with at(monkeypatch, "pause", somebody(move.on_source)):
        result = move(cutover.run, freeze_budget=10.0 * crowded())
    assert carried(result) < SLEEP * 0.9  # the slow one is left alone
    assert move.on_target(STATE) == [(1, 1, 5)]
    move.equal(STATE)
    with at(monkeypatch, "pause", somebody(move.on_target)):
        result = move(rollback.run, freeze_budget=10.0 * crowded())
    assert carried(result) < SLEEP * 0.9
    assert move.on_source(STATE) == [(1, 2, 10)]


def test_a_refresh_that_finds_nothing_new_is_seen_too(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows changed and changed back: what was refreshed in between shows what neither side shows any more."""
    begun(move, "INSERT INTO public.ledger VALUES (1, 7)", SUMMED, UNIQUE)
    move.on_source("UPDATE public.ledger SET touched = 8")
    back = f"UPDATE public.ledger SET touched = 7; {CONCURRENTLY} public.summed"
    shown: list[Any] = []

    def somebody() -> None:
        shown.extend(move.on_target(STATE))
        move.on_source(back)

    with at(monkeypatch, "pause", somebody):
        move(cutover.run, freeze_budget=10.0 * crowded())
    assert shown == [(1, 1, 8)]
    assert move.on_target(STATE) == [(1, 1, 7)]


@pytest.mark.full
def test_a_view_over_a_view(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(
        move, SUMMED, "CREATE VIEW public.between AS SELECT n + 1 AS n FROM public.summed",
        "CREATE MATERIALIZED VIEW public.above AS SELECT n + 1 AS n FROM public.between",
    )  # fmt: skip
    both = f"INSERT INTO public.ledger (n) VALUES (1); {REFRESH} public.summed; {REFRESH} public.above"
    with at(monkeypatch, "pause", lambda: move.on_source(both)):
        move(cutover.run, freeze_budget=10.0 * crowded())
    assert move.on_target("SELECT a.n, s.n FROM public.above a, public.summed s") == [(3, 1)]
    upper = f"INSERT INTO public.ledger (n) VALUES (2); {REFRESH} public.summed; {REFRESH} public.above;"
    # Only the lower one once more: the upper one of the new side is as fresh as it is here.
    with at(
        monkeypatch,
        "pause",
        lambda: move.on_target(upper + f"INSERT INTO public.ledger (n) VALUES (3); {REFRESH} public.summed"),
    ):
        move(rollback.run, freeze_budget=10.0 * crowded())
    [(above, lower)] = move.on_source("SELECT a.n, s.n FROM public.above a, public.summed s")
    assert above >= 4
    assert lower == 3


@pytest.mark.full
def test_what_was_refreshed_before_the_target_had_it(move: Move) -> None:
    """A REFRESH on the source of rows that the target applies a second later: its own has to wait for them."""
    begun(move, SUMMED)
    with move.target.admin(move.dbname) as session:
        session.execute("SET default_transaction_read_only TO off")
        session.autocommit = False
        session.execute("LOCK TABLE public.ledger IN SHARE ROW EXCLUSIVE MODE")
        move.on_source(f"INSERT INTO public.ledger (n) VALUES (1); {REFRESH} public.summed")
        release = threading.Thread(target=lambda: (time.sleep(2.0), session.rollback()))
        release.start()
        move(cutover.run, freeze_budget=10.0 * crowded())
        release.join()
    assert move.on_target(STATE) == [(1, 1, 0)]


def test_what_only_the_freeze_carries_is_shown_by_no_earlier_refresh(move: Move) -> None:
    """An unlogged table, read by a view, through another one, and by a function that nobody can look into."""
    begun(
        move,
        "CREATE UNLOGGED TABLE public.scratch (i int)",
        "CREATE MATERIALIZED VIEW public.direct AS SELECT count(*) AS n FROM public.scratch",
        "CREATE VIEW public.plain AS SELECT n FROM public.direct; CREATE MATERIALIZED VIEW public.indirect AS SELECT n FROM public.plain",
        "CREATE FUNCTION public.counted() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM public.scratch); END'",
        "CREATE FUNCTION public.twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2'",
        "CREATE MATERIALIZED VIEW public.called AS SELECT public.counted() AS n",
        "CREATE MATERIALIZED VIEW public.harmless AS SELECT public.twice(touched) AS n FROM public.ledger",
        "CREATE MATERIALIZED VIEW public.numbered AS SELECT last_value AS n FROM public.events_id_seq",
        f"INSERT INTO public.scratch VALUES (1), (2); {REFRESH} public.direct; {REFRESH} public.indirect; {REFRESH} public.called",
    )
    with move.context().source() as source:
        late = view_reach.late(source)
    assert set(late) == {"public.direct", "public.indirect", "public.called", "public.numbered"}
    assert "unlogged table public.scratch" in late["public.indirect"]
    assert "public.counted()" in late["public.called"]
    planned = move(cutover.run, check=True)
    assert planned["estimate"]["views_in_freeze"] == sorted(late)
    assert any("public.called is refreshed in the freeze: it calls" in one for one in planned["notices"])
    result = move(cutover.run, freeze_budget=10.0 * crowded())
    assert any("public.direct is refreshed in the freeze: it reads unlogged" in one for one in result["notices"])
    for view in ("direct", "indirect", "called"):
        assert move.on_target(f"SELECT n FROM public.{view}") == [(2,)], view


@pytest.mark.full
def test_a_job_that_refreshes_all_the_time_is_predicted(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(move, SLOW)
    refresh = views.refresh

    def and_somebody(*arguments: Any) -> dict[str, float]:
        found = refresh(*arguments)
        with contextlib.suppress(psycopg.errors.ReadOnlySqlTransaction):  # in the freeze
            move.on_source(f"{REFRESH} public.slow")
        return found

    monkeypatch.setattr(views, "refresh", and_somebody)
    result = move(cutover.run, rehearse=True, freeze_budget=20.0 * crowded())
    assert result["measured"]["predicted"] >= SLEEP
    assert carried(result) >= SLEEP
    assert any("public.slow" in one and "Mend: let nothing refresh them" in one for one in result["notices"])


def test_a_mark_changes_with_a_refresh_only(move: Move) -> None:
    move.on_source(LEDGER)
    move.on_source(SUMMED)
    with move.context().source() as source:
        first = views.read(source)
        for statement in (
            "ANALYZE",
            "VACUUM public.summed",
            "VACUUM FREEZE pg_class",
            "UPDATE public.ledger SET touched = 1",
        ):
            move.on_source(statement)
        assert views.read(source) == first
        with move.source.admin(move.dbname) as session, session.transaction(force_rollback=True):
            session.execute(f"{REFRESH} public.summed")
        assert views.read(source) == first
        move.on_source(f"{REFRESH} public.summed")
        assert views.read(source)["public.summed"] != first["public.summed"]
