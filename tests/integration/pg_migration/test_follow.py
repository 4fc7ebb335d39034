"""The subscription: made, watched, stopped by the usual causes, and mended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    cutover,
    finish,
    follow,
    hush,
    reason,
    status,
    subscription,
    verify,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    DifferenceError,
    MigrationError,
    OrderError,
    RefusedError,
    SlotLostError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import run as preflight
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run as seed

from tests.integration.pg_clusters import PASSWORD
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import GRANTS, Writers, following, sides, started
from tests.waiting import until

UNGUARDED = "SET application_name TO 'platform_migration/{short}'; "


def past_the_guard(move: Move, statement: str) -> None:
    """As a change that was in flight, or made with the guard taken away."""
    move.on_source(UNGUARDED.format(short=move.context().names.short) + statement)


def on_target(move: Move, statement: str) -> None:
    """It is read only by default while it follows."""
    with move.context().target() as session:
        session.execute(statement)


def disabled(move: Move) -> bool:
    return move.on_target("SELECT subenabled FROM pg_subscription") == [(False,)]


def test_follows_says_so_and_keeps_the_password(move: Move) -> None:
    started(move)
    plan = move(follow.run, check=True)
    assert plan["changed"]
    assert "make the subscription" in plan["message"]
    assert move.on_target("SELECT count(*) FROM pg_subscription") == [(0,)]
    move.on_source("INSERT INTO public.ledger SELECT g FROM generate_series(1, 5000) g")
    result = move(follow.run)
    assert result["phase"] == "following"
    assert result["changed"]
    move.equal("SELECT count(*), sum(n) FROM public.ledger")
    again = move(follow.run)
    assert not again["changed"]
    assert again["health"]["enabled"]
    assert again["health"]["wal_status"] == "reserved"
    assert again["slot"]["retained_bytes"] > 0
    assert "the slot on the source keeps" in again["message"]
    looked = status.look(move.context())
    assert looked["slot"]["name"] == move.context().names.slot
    assert looked["slot"]["active"]
    assert "MiB of WAL" in looked["message"]
    assert move.context().journal.read("progress.json")["lag_bytes"] is not None
    for text in [str(result), *(path.read_text() for path in move.context().journal.folder.glob("*.json"))]:
        assert PASSWORD not in text
    for cluster in (move.source, move.target):
        log = Path(cluster.data / "log").read_text()
        assert PASSWORD not in log
        assert PASSWORD.replace("\\", "\\\\").replace("'", "\\'") not in log


def test_a_wrong_password_is_said_without_it(move: Move) -> None:
    started(move)
    secret = "wr/ong@%'\\ \""  # noqa: S105
    with move.opened() as context:
        ends = replace(context.ends, publisher=replace(context.ends.publisher, password=secret))
        with pytest.raises(MigrationError, match="password authentication failed") as caught:
            follow.run(Context(ends, context.settings, context.journal), False)
        assert "mover" in str(caught.value)
        assert secret not in str(caught.value)
        assert context.journal.phase == "seeded"
    log = Path(move.target.data / "log").read_text()
    assert "wr/ong" not in log
    assert move(follow.run)["phase"] == "following"


@pytest.mark.full
def test_a_login_that_cannot_hush_the_log_keeps_the_password_too(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a managed server: a statement that fails is written down, so it fails with another password."""
    started(move)
    log = Path(move.target.data / "log")
    before = len(log.read_text())
    monkeypatch.setattr(hush, "QUIET", ())
    with move.opened() as context:
        ends = replace(context.ends, publisher=replace(context.ends.publisher, port=1))
        with pytest.raises(MigrationError, match="Connection refused"):
            follow.run(Context(ends, context.settings, context.journal), False)
        assert "CREATE SUBSCRIPTION" in log.read_text()[before:], "the log says nothing of it, nothing is proved"
    assert move(follow.run)["phase"] == "following"
    said = log.read_text()[before:]
    assert subscription.WRONG in said
    assert PASSWORD not in said
    assert PASSWORD.replace("\\", "\\\\").replace("'", "\\'") not in said


@pytest.mark.parametrize("setting", ["log_statement", "log_min_duration_statement"])
@pytest.mark.fewer(1)
def test_a_log_that_cannot_be_hushed_is_refused(move: Move, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    """A subscription that succeeds is written down too; nothing with a password is given before the settings are right."""
    started(move)
    log = Path(move.target.data / "log")
    before = len(log.read_text())
    monkeypatch.setattr(hush, "QUIET", ())
    value = "ddl" if setting == "log_statement" else "0"
    on_target(move, f"ALTER DATABASE {move.dbname} SET {setting} TO {value}")
    with pytest.raises(MigrationError, match=rf"{setting}={value}.*GRANT SET ON PARAMETER {setting} TO master"):
        move(follow.run)
    found = [str(one) for one in preflight.findings(move.context()) if one.fatal]
    assert any(f"{setting}={value}" in one for one in found), found
    on_target(move, f"ALTER DATABASE {move.dbname} RESET {setting}")
    assert move(follow.run)["phase"] == "following"
    on_target(move, "ALTER SUBSCRIPTION " + move.context().names.subscription + " DISABLE")
    on_target(move, f"ALTER DATABASE {move.dbname} SET {setting} TO {value}")
    with pytest.raises(MigrationError, match=f"cannot be given its connection.*{setting}={value}"):
        move(follow.run)
    said = log.read_text()[before:]
    assert PASSWORD not in said
    assert PASSWORD.replace("\\", "\\\\").replace("'", "\\'") not in said


def test_what_statistics_kept_of_the_password_goes(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    started(move)
    monkeypatch.setattr(hush, "QUIET", ())
    result = move(follow.run)
    assert "pg_stat_statements_reset()" in result["message"], "loaded, and the extension is in some other database"
    on_target(move, "CREATE EXTENSION pg_stat_statements SCHEMA public")
    on_target(move, "SELECT public.pg_stat_statements_reset()")
    on_target(move, "ALTER SUBSCRIPTION " + move.context().names.subscription + " DISABLE")
    assert "pg_stat_statements" not in move(follow.run)["message"]
    kept = move.on_target("SELECT query FROM public.pg_stat_statements WHERE query ILIKE '%subscription%connection%'")
    assert not [one for one in kept if "password" in one[0]]


def test_a_changed_schema_stops_and_is_named_and_mended(move: Move) -> None:
    started(move)
    move(follow.run)
    past_the_guard(
        move, "ALTER TABLE public.ledger ADD COLUMN extra int; INSERT INTO public.ledger (n, extra) VALUES (1, 1)"
    )
    until(lambda: disabled(move), "disable_on_error")
    with pytest.raises(DifferenceError, match=r"column extra of public.ledger is on the source only"):
        move(follow.run)
    move.on_target("SET transaction_read_only TO off; ALTER TABLE public.ledger ADD COLUMN extra int")
    assert "enabled again" in move(follow.run)["message"]
    until(lambda: move.on_target("SELECT n, extra FROM public.ledger") == [(1, 1)])


def test_a_row_in_the_way_is_named_and_mended(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    started(move)
    move(follow.run)
    move.on_target("SET transaction_read_only TO off; INSERT INTO public.ledger (n) VALUES (77)")
    # Two transactions in one breath: the first is applied, and the slot is not told of it before the second fails.
    insert = "BEGIN; INSERT INTO public.ledger (n) VALUES ({}); COMMIT;"
    move.on_source(insert.format(76) + insert.format(77))
    until(lambda: disabled(move), "disable_on_error")
    context = move.context()
    with context.source() as source, context.target() as target:
        assert "public.ledger (n=77)" in str(follow.stopped(context, source, target))
        with monkeypatch.context() as patch:  # where the row is further on than is looked
            patch.setattr(reason, "LOOKS", 0)
            assert "the reason is in the log of the target only" in str(follow.stopped(context, source, target))
    for _ in range(2):
        with pytest.raises(MigrationError, match=r"public.ledger \(n=77\)"):
            move(follow.run)
    move.on_target("SET transaction_read_only TO off; DELETE FROM public.ledger WHERE n = 77")
    move(follow.run)
    until(lambda: move.on_target("SELECT n FROM public.ledger ORDER BY n") == [(76,), (77,)])


@pytest.mark.parametrize("how", ["dropped", "invalidated"])
@pytest.mark.fewer("invalidated")
def test_a_lost_slot_has_one_way_on_and_it_leads_to_the_end(move: Move, how: str) -> None:
    """Its words are followed here, while users write."""
    started(move)
    names = move.context().names
    writers = Writers(move)
    with writers.writing():
        if how == "dropped":
            move.source.execute(f"SELECT pg_drop_replication_slot('{names.slot}')")
        else:
            move(follow.run)
            move.on_target(f"SET transaction_read_only TO off; ALTER SUBSCRIPTION {names.subscription} DISABLE")
            lose(move)
        with pytest.raises(SlotLostError, match=r"Mend: finish with clean_target=true .*, then seed with restart=true"):
            move(follow.run)
        with pytest.raises((SlotLostError, OrderError)):
            move(cutover.run)
        assert sides(move)[0]
        given_up = move(finish.run, clean_target=True)
        assert given_up["phase"] == "abandoned"
        assert move.source.execute("SELECT count(*) FROM pg_replication_slots") == [(0,)]
        with pytest.raises(OrderError, match="restart=true"):
            move(seed.run)
        assert move(seed.run, restart=True)["phase"] == "seeded"
        # As role postgres_access does it before a cutover.
        move.on_target("SET transaction_read_only TO off; " + GRANTS)
        move(follow.run)
        move(verify.run.run)
        assert move(cutover.run)["phase"] == "switched"
        writers.more()
    assert sides(move) == (False, True)
    assert writers.lost(move.target) == []


def test_a_copy_that_stayed_is_in_the_way_of_another_move_and_the_end_says_so(move: Move) -> None:
    following(move)
    assert "clean_target=true" in move(finish.run, check=True)["message"]
    ended = move(finish.run)
    assert any("drop it by hand" in one for one in ended["notices"]), ended["notices"]
    assert "restart=true" in status.look(move.context())["message"]
    with pytest.raises(RefusedError, match=r"target: it is not empty .*drop .*clean_target=true"):
        move(seed.run, restart=True)


def lose(move: Move) -> None:
    """The source writes more than it keeps for a target that is away."""
    move.source.execute("ALTER SYSTEM SET max_slot_wal_keep_size TO '1MB'")
    try:
        move.source.execute("SELECT pg_reload_conf()")
        for _ in range(4):
            move.on_source(
                "INSERT INTO public.ledger SELECT least(min(n), -10) - 1 FROM public.ledger"  # no writer's
            )
            move.source.execute("SELECT pg_switch_wal()")
        lost = "SELECT 1 FROM pg_replication_slots WHERE wal_status = 'lost'"
        until(lambda: move.source.execute("CHECKPOINT") or move.source.execute(lost))
    finally:
        move.source.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
        move.source.execute("SELECT pg_reload_conf()")


def test_a_far_target_times_out_and_goes_on(move: Move) -> None:
    started(move)
    move(follow.run)
    blocker = move.target.admin(move.dbname)
    with blocker.transaction():
        blocker.execute("LOCK TABLE public.ledger IN EXCLUSIVE MODE")
        move.on_source("INSERT INTO public.ledger SELECT g FROM generate_series(1, 3000) g")
        with pytest.raises(MigrationError, match="bytes behind, and the time for it is over"):
            move(follow.run, follow_timeout=1.0, max_lag=10)
    blocker.close()
    assert move(follow.run)["phase"] == "following"
