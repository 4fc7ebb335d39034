"""Users go over while they write."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg import access_api
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    carry,
    cutover,
    follow,
    nearing,
    rollback,
    status,
    verify,
    views,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    BudgetError,
    DifferenceError,
    MigrationError,
    OrderError,
    RefusedError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import run as preflight
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import foresee

from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import Writers, following, login, sides, started, switched
from tests.integration.pg_migration.pooled import pooled
from tests.waiting import crowded, until


def test_nothing_acknowledged_is_lost(move: Move) -> None:
    """Sequences, large objects and views come along; then back again with what was written since."""
    move.on_source("CREATE MATERIALIZED VIEW public.busy AS SELECT count(*) AS n FROM public.reservations")
    move.on_source("CREATE MATERIALIZED VIEW public.busier AS SELECT n + 1 AS n FROM public.busy")
    following(move)
    assert sides(move) == (True, False)
    writers = Writers(move)
    with writers.writing():
        move.on_source("SELECT lo_from_bytea(0, 'made after the snapshot')")
        move.on_source("SELECT lo_put((SELECT min(oid) FROM pg_largeobject_metadata), 0, 'changed after it')")
        seen = move(cutover.run, check=True)
        assert seen["changed"]
        assert seen["estimate"]["freeze_seconds"] > 0
        result = move(cutover.run)
        writers.more()
        print(result["measured"], writers.longest)
        assert sides(move) == (False, True)
        assert writers.longest < 3 * crowded()
        assert writers.lost(move.target) == []
        assert not move(cutover.run)["changed"]
        move.equal("SELECT count(*), sum(hashtext(encode(lo_get(oid), 'hex'))) FROM pg_largeobject_metadata")
        numbers = "SELECT last_value FROM public.events_id_seq"
        assert move.on_target(numbers) > move.on_source(numbers)
        assert move.on_target("SELECT relispopulated FROM pg_class WHERE relname = 'busier'") == [(True,)]
        # The way back: what was written on the target, rows, large objects and numbers given out.
        move.on_target("SELECT nextval('public.events_id_seq'), lo_from_bytea(0, 'made on the new side')")
        before = move.on_target("SELECT last_value FROM public.events_id_seq")
        result = move(rollback.run)
        print(result["measured"])
        writers.more()
    assert result["phase"] == "returned"
    assert sides(move) == (True, False)
    assert writers.lost(move.source) == []
    assert move.on_source("SELECT last_value FROM public.events_id_seq") >= before
    move.equal("SELECT count(*), sum(hashtext(encode(lo_get(oid), 'hex'))) FROM pg_largeobject_metadata")
    assert move.source.execute("SELECT count(*) FROM pg_subscription") == [(0,)]
    assert not move(rollback.run)["changed"]
    _login_is_left_as_the_freeze_has_it(move)


def _login_is_left_as_the_freeze_has_it(move: Move) -> None:
    """Else every later run of the playbook would open the side that nobody may write to."""
    admin = move.ends.target
    shopper = replace(admin, username="shopper")
    may = "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'shopper'"
    first = access_api.ensure(admin, shopper, ("public",), check=False, closed=True)
    assert "let it log in" not in first
    assert move.on_target(may) == [(False,)]
    assert access_api.ensure(admin, shopper, ("public",), check=False, closed=True) == []
    # Where a person has opened the database, the login is as wanted again.
    move.target.execute(f'ALTER DATABASE "{move.dbname}" RESET default_transaction_read_only')
    assert access_api.ensure(admin, shopper, ("public",), check=False) == ["let it log in"]


def test_a_target_that_does_not_keep_up_is_told_before_anybody_waits(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes say little: a few thousand changes of a table without a key are a small lag and a long drain."""
    monkeypatch.setattr(nearing, "PATIENCE", 4.0)
    following(move)
    slow = "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RETURN NEW; END $$"
    trigger = "CREATE TRIGGER slow BEFORE INSERT OR UPDATE ON public.ledger FOR EACH ROW EXECUTE FUNCTION public.slow()"
    writers = Writers(move)
    with writers.writing():
        move.on_target(
            f"BEGIN READ WRITE; {slow}; {trigger}; ALTER TABLE public.ledger ENABLE ALWAYS TRIGGER slow; COMMIT"
        )
        until(lambda: follow.health(move.context()).lag_bytes > 20_000)
        with pytest.raises(RefusedError, match=r"on the other side [0-9.]+ s later.*Mend: a quieter hour"):
            move(cutover.run, freeze_budget=2.0)
        assert max(writers.gaps) < 1.0 * crowded()  # nobody was frozen
        assert sides(move) == (True, False)
        move.on_target("BEGIN READ WRITE; ALTER TABLE public.ledger DISABLE TRIGGER slow; COMMIT")
        # The same command again waits for it, and goes through.
        assert move(cutover.run, freeze_budget=5.0 * crowded())["phase"] == "switched"
        writers.more()
    assert writers.lost(move.target) == []


def test_behind_a_pooler_no_request_fails(move: Move) -> None:
    following(move)
    with pooled(move) as pool:
        with pool.requests():
            result = move(cutover.run, pooler=pool.settings)
        print(result["measured"]["gap"], max(pool.waits))
        assert pool.failures == []
        assert max(pool.waits) < 1.5 * crowded()
        assert pool.lost({row[0] for row in move.on_target("SELECT n FROM public.ledger")}) == []


def test_a_long_transaction_behind_the_pooler_calls_it_off(move: Move) -> None:
    following(move)
    with pooled(move) as pool, pool.connect() as session, session.transaction():
        session.execute("INSERT INTO public.ledger (n) VALUES (-5)")
        known = pool.settings.__class__(**{**vars(pool.settings), "pause_timeout": 0.3})
        with pytest.raises(MigrationError, match="did not end within"):
            move(cutover.run, pooler=known)
        session.execute("INSERT INTO public.ledger (n) VALUES (-6)")
    assert move.context().journal.phase == "following"
    assert sides(move) == (True, False)
    assert move.on_source("SELECT count(*) FROM public.ledger WHERE n IN (-5, -6)") == [(2,)]


def test_what_the_views_write_is_not_read_again_in_the_freeze(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """The slot of the way back is made after they were refreshed for the prediction."""
    following(move)
    slots: list[int] = []
    refresh = views.refresh

    def watched(*arguments: Any) -> dict[str, float]:
        slots.append(move.target.execute("SELECT count(*) FROM pg_replication_slots")[0][0])
        return refresh(*arguments)

    monkeypatch.setattr(views, "refresh", watched)
    move(cutover.run, rehearse=True)
    assert slots == [0, 1]


def test_rehearsal_and_budget(move: Move) -> None:
    following(move)
    result = move(cutover.run, rehearse=True)
    assert result["phase"] == "following"
    assert sides(move) == (True, False)
    predicted = result["measured"]["gap"]
    assert move.context().journal.entries["rehearsed"] == predicted
    with pytest.raises(BudgetError, match="nothing was frozen"):
        move(cutover.run, freeze_budget=predicted / 2)
    assert sides(move) == (True, False)
    assert move(cutover.run, freeze_budget=60.0)["phase"] == "switched"


def test_a_difference_opens_the_source_again(move: Move) -> None:
    following(move)
    writers = Writers(move)
    with writers.writing():
        with move.context().target() as target:
            target.execute(
                "UPDATE public.ledger SET note = 'not from the source' WHERE n = (SELECT min(n) FROM public.ledger)"
            )
            row = target.execute("SELECT min(n) FROM public.ledger").fetchone()
        assert row
        with pytest.raises(DifferenceError, match="the old side is open again") as caught:
            move(cutover.run)
        assert any("ledger" in one and str(row[0]) in one for one in caught.value.differences), caught.value.differences
        writers.more()
        assert sides(move) == (True, False)
        assert move.target.execute("SELECT count(*) FROM pg_replication_slots") == [(0,)]
    assert writers.lost(move.source) == []


def test_where_asked_everything_is_compared_in_the_freeze(move: Move) -> None:
    """A row that was altered at the target after the online comparison, by no change of the source: only that finds it."""
    following(move)
    with move.context().target() as target:
        target.execute("UPDATE public.users SET email = 'other' || email WHERE id = (SELECT min(id) FROM public.users)")
    writers = Writers(move)
    with writers.writing():
        with pytest.raises(DifferenceError) as caught:
            move(cutover.run, verify="full", freeze_budget=60.0)
        assert any("users" in one for one in caught.value.differences), caught.value.differences
        assert sides(move) == (True, False)
        writers.more()
        with move.context().target() as target:
            target.execute("UPDATE public.users SET email = substr(email, 6) WHERE email LIKE 'other%'")
        assert move(cutover.run, verify="full", freeze_budget=60.0)["phase"] == "switched"
        writers.more()
    assert writers.lost(move.target) == []
    assert sides(move) == (False, True)


def test_out_of_its_order(move: Move) -> None:
    with pytest.raises(
        OrderError, match=r"new: nothing was moved yet\. Mend: preflight comes next, then seed, follow, verify, cutover"
    ):
        move(cutover.run)
    started(move)
    with pytest.raises(OrderError, match=r"seeded: .* Mend: follow comes next, then verify, cutover"):
        move(cutover.run)
    with pytest.raises(OrderError, match="Mend: finish"):
        move(rollback.run)
    move(follow.run)
    with pytest.raises(RefusedError, match="login of the move itself"):
        move(cutover.run, application_roles=("mover",))
    assert sides(move) == (True, False)


def test_the_lock_is_effective(move: Move) -> None:
    """Old sessions, logins that are not listed, and roles with a setting of their own."""
    following(move)
    move.source.execute("ALTER ROLE shopper SET default_transaction_read_only TO off")
    old = login(move.source, move.dbname)
    try:
        move(cutover.run)
        with pytest.raises(psycopg.OperationalError):
            old.execute("INSERT INTO public.ledger (n) VALUES (-7)")
        with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
            login(move.source, move.dbname)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            move.on_source("INSERT INTO public.ledger (n) VALUES (-8)")
        # What is written on the target is on the source a moment later, read only or not.
        began = time.monotonic()
        with login(move.target, move.dbname) as session:
            session.execute("INSERT INTO public.ledger (n) VALUES (-9)")
        until(lambda: move.on_source("SELECT 1 FROM public.ledger WHERE n = -9"))
        print("came back after", time.monotonic() - began)
    finally:
        old.close()
        move.source.execute("ALTER ROLE shopper RESET default_transaction_read_only")


def test_a_prepared_transaction_is_refused(move: Move) -> None:
    following(move)
    with move.source.admin(move.dbname) as session:
        session.execute("BEGIN; INSERT INTO public.ledger (n) VALUES (-10); PREPARE TRANSACTION 'waiting'")
        with pytest.raises(MigrationError, match="waiting"):
            move(cutover.run)
        session.execute("ROLLBACK PREPARED 'waiting'")
    assert sides(move) == (True, False)


def test_a_sequence_behind_is_caught(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    following(move)
    move.on_source("SELECT nextval('public.events_id_seq')")
    writers = Writers(move)
    with writers.writing():
        with monkeypatch.context() as behind:
            behind.setattr(carry, "sequences", lambda old, new, margin: 0)
            with pytest.raises(DifferenceError, match="events_id_seq"):
                move(cutover.run)
        assert sides(move) == (True, False)
        writers.more()
        assert writers.lost(move.source) == []
        assert move(cutover.run)["phase"] == "switched"
        writers.more()
    assert writers.lost(move.target) == []
    assert sides(move) == (False, True)


def test_every_trap_there_and_back(trap_move: Move) -> None:
    """Tables without a key or with a deferrable one, partitions, policies, triggers, odd names, unlogged tables, somebody's publication of everything."""
    move = trap_move
    following(move)
    changes = (
        "INSERT INTO public.log VALUES ('new', 'row', 2)",
        "UPDATE public.log SET n = 3 WHERE ctid = (SELECT min(ctid) FROM public.log)",
        "INSERT INTO public.scratch VALUES (4711)",
        "UPDATE public.bookings SET state = 'sold' WHERE id % 7 = 0",
        'UPDATE "odd Schema"."T ""x"" %s" SET "a b {}" = \'changed\' WHERE "ID" = 1',
        "DELETE FROM public.secrets WHERE id = 3",
        "UPDATE public.ranks SET place = place + 1 WHERE id % 5 = 3",
        "DELETE FROM public.ranks WHERE id = 3",
        "UPDATE public.lanes SET place = place + 1 WHERE id % 5 = 3",
    )
    for change in changes:
        move.on_source("SET session_replication_role TO replica; " + change)
    move(cutover.run, freeze_budget=60.0)
    compared = (
        "SELECT count(*), sum(hashtext(l::text)) FROM public.log l",
        "SELECT count(*), sum(i) FROM public.scratch",
        "SELECT count(*), sum(hashtext(b::text)) FROM public.bookings b",
        "SELECT count(*) FROM public.secrets",
        "SELECT count(*), sum(place), sum(id * place) FROM public.ranks",
        "SELECT count(*), sum(place), sum(id * place) FROM public.lanes",
        "SELECT count(*), sum(sold) FROM public.sales",
        'SELECT "a b {}" FROM "odd Schema"."T ""x"" %s" WHERE "ID" = 1',
    )
    for query in compared[:-2]:
        move.equal(query)
    for change in changes:
        move.on_target(
            "SET session_replication_role TO replica; " + change.replace("= 3", "= 4").replace("4711", "4712")
        )
    move(rollback.run, freeze_budget=60.0)
    for query in compared:
        move.equal(query)
    assert move.on_source("SELECT count(*) FROM public.scratch WHERE i IN (4711, 4712)") == [(2,)]


def test_a_pooler_that_is_not_there_is_said_at_once(move: Move) -> None:
    following(move)
    with pooled(move) as pool:
        known = pool.settings
    began = time.monotonic()
    with pytest.raises(MigrationError, match="Mend"):
        move(cutover.run, pooler=known)
    assert time.monotonic() - began < 5 * crowded()
    assert move.context().journal.phase == "following"
    assert move.target.execute("SELECT count(*) FROM pg_replication_slots") == [(0,)]
    assert sides(move) == (True, False)


def test_an_application_without_rights_at_the_target_is_not_moved(move: Move) -> None:
    following(move)
    move.on_target("BEGIN READ WRITE; REVOKE INSERT ON public.ledger FROM shopper; COMMIT")
    with pytest.raises(MigrationError, match=r"role shopper has .* lacks at the target, INSERT on public.ledger"):
        move(cutover.run)
    assert sides(move) == (True, False)
    assert move.context().journal.phase == "following"
    move.on_target("BEGIN READ WRITE; GRANT INSERT ON public.ledger TO shopper; COMMIT")
    assert move(cutover.run)["phase"] == "switched"


def test_a_role_that_is_no_member_there_and_functions_it_may_not_call(move: Move) -> None:
    """What a policy or a call would do without a word: said by the preflight as far as it can be, and refused before the freeze."""
    both = (move.source, move.target)
    for cluster in both:
        cluster.execute("DO $$ BEGIN CREATE ROLE readers; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    move.source.execute("GRANT readers TO shopper; GRANT pg_read_all_stats TO shopper")
    move.on_source("GRANT EXECUTE ON FUNCTION pg_ls_waldir() TO shopper")
    move.on_source(
        "CREATE FUNCTION public.price(int) RETURNS int LANGUAGE sql AS 'SELECT $1'; CREATE TABLE public.secret (id int PRIMARY KEY);"
        "ALTER TABLE public.secret ENABLE ROW LEVEL SECURITY; CREATE POLICY shown ON public.secret TO readers USING (true)"
    )
    try:
        with move.opened() as context:
            said = [str(one) for one in preflight.findings(context) if "role shopper" in str(one)]
            fatal = [str(one) for one in preflight.findings(context) if one.fatal]
        assert any("member of readers" in one and 'GRANT "readers" TO "shopper"' in one for one in fatal), said
        assert any("member of pg_read_all_stats" in one for one in said)
        assert any("the functions of the server" in one and "pg_ls_waldir()" in one for one in said)
        assert not any("price" in one for one in said), "it is not there yet"
        following(move)
        move.on_target("BEGIN READ WRITE; REVOKE EXECUTE ON FUNCTION public.price(int) FROM PUBLIC; COMMIT")
        with pytest.raises(MigrationError, match="users are not touched") as caught:
            move(cutover.run)
        assert "which a policy names" in str(caught.value)
        assert 'GRANT EXECUTE ON FUNCTION public.price(integer) TO "shopper"' in str(caught.value)
        assert sides(move) == (True, False)
        move.target.execute("GRANT readers TO shopper")
        move.on_target("BEGIN READ WRITE; GRANT EXECUTE ON FUNCTION public.price(int) TO shopper; COMMIT")
        result = move(cutover.run)
        assert result["phase"] == "switched"
        assert any("pg_read_all_stats" in one for one in result["notices"])
    finally:
        for cluster in both:
            cluster.execute("REVOKE readers, pg_read_all_stats FROM shopper")


def test_the_comparison_is_part_of_the_prediction(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an online comparison everything is compared in the freeze: said, and refused when it does not fit, in both directions."""
    started(move)
    move(follow.run)
    monkeypatch.setattr(foresee, "COLUMN_RATE", 1000.0)
    with pytest.raises(RefusedError, match=r"no complete online verification.*Mend: verify"):
        move(cutover.run)
    assert sides(move) == (True, False)
    planned = move(cutover.run, check=True)
    assert planned["estimate"]["freeze_seconds"] > 30
    assert planned["estimate"]["whole_bytes"] > 30_000
    move(verify.run.run)
    move.on_source("INSERT INTO public.ledger (n) SELECT generate_series(1, 200)")
    planned = move(cutover.run, check=True)
    assert planned["estimate"]["freeze_seconds"] < 5
    assert planned["estimate"]["unread_wal_bytes"] > 10_000
    move(follow.run)
    assert move(cutover.run, check=True)["estimate"]["changed_rows"] == 200
    assert move(cutover.run)["phase"] == "switched"
    with pytest.raises(RefusedError, match=r"no complete online verification.*Mend: verify"):
        move(rollback.run)
    assert sides(move) == (False, True)
    assert move(rollback.run, check=True)["estimate"]["whole_bytes"] > 30_000
    move(verify.run.run)
    assert move(rollback.run)["phase"] == "returned"


def test_a_schema_changed_after_the_cutover_is_seen_before_it_is_needed(move: Move) -> None:
    """It stops the way back, or leaves rows out of it: said by every look, and no rollback freezes anybody for it."""
    switched(move)
    assert status.look(move.context())["notices"] == []
    move.on_target("CREATE TABLE public.later (n int PRIMARY KEY); ALTER TABLE public.ledger ADD extra text")
    notices = " | ".join(status.look(move.context())["notices"])
    assert "table public.later is on the target only" in notices
    assert "column extra of public.ledger is on the target only" in notices
    assert f"table public.later is not in publication {move.context().names.return_publication}" in notices
    with pytest.raises(RefusedError, match=r"public\.later.*Mend: take the change back"):
        move(rollback.run)
    assert sides(move) == (False, True)
    # The mend, as it is said.
    name = move.context().names.return_publication
    with move.context().source() as source:
        source.execute("CREATE TABLE public.later (n int PRIMARY KEY)")
        source.execute("ALTER TABLE public.ledger ADD extra text")
    move.on_target(f"ALTER PUBLICATION {name} ADD TABLE ONLY public.later")
    move.on_target("INSERT INTO public.later VALUES (7); GRANT SELECT ON public.later TO mover")
    with move.context().source() as source:
        source.execute(f"ALTER SUBSCRIPTION {name} ENABLE")
        source.execute(f"ALTER SUBSCRIPTION {name} REFRESH PUBLICATION")
    until(lambda: move.on_source("SELECT n FROM public.later") == [(7,)])
    assert status.look(move.context())["notices"] == []
    assert move(rollback.run)["phase"] == "returned"


def test_settings_of_the_database_and_its_logins_are_asked_for(move: Move) -> None:
    """A search_path or a time zone that stays behind changes what statements mean."""
    following(move)
    move.on_source(f"ALTER DATABASE {move.dbname} SET timezone TO 'Asia/Seoul'")
    with pytest.raises(
        RefusedError, match=r"setting TimeZone of the database.*ALTER DATABASE .* SET TimeZone TO 'Asia/Seoul'"
    ):
        move(cutover.run)
    assert sides(move) == (True, False)
    move.target.execute(f"ALTER DATABASE {move.dbname} SET timezone TO 'Asia/Seoul'")
    assert move(cutover.run)["phase"] == "switched"
