"""What the preflight makes of facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Pooler, Settings, Table
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import (
    content,
    estimate,
    pooler,
    room,
    servers,
    tls,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.model import (
    Content,
    ExtensionRows,
    Facts,
    Firing,
    Side,
    Unequal,
    Waiting,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import (
    Extension,
    Finding,
    Offer,
    Runner,
    Server,
    Source,
    Target,
)

from tests.unit.pg_migration.certificates import authority

GIB = 1024**3
SERVER = Server(150018, "x", True, "UTF8", "en_US.utf8", "en_US.utf8", "2.36", False, 90)
SETTINGS = Settings(application_roles=("shop",))
PARAMETERS = {
    "wal_level": "logical",
    "max_replication_slots": "10",
    "max_wal_senders": "10",
    "max_logical_replication_workers": "4",
    "max_worker_processes": "8",
    "max_slot_wal_keep_size": "10240",
}
SIDE = Side(
    settings=PARAMETERS,
    login="postgres",
    superuser=True,
    replication=True,
    bypasses_policies=True,
    makes_subscriptions=True,
    free_connections=90,
    sorted_sample="a b",
    roles={"shop": (False, True)},
)
USERS = Table("public", "users", "public.users", 100, 100 * 8192, 1000, ("id",), "d")
FACTS = Facts(
    source=Source(SERVER, 1000, 2000),
    target=Target(SERVER),
    here=SIDE,
    there=replace(SIDE, login="master", superuser=False, managed_superuser=True),
    content=Content(tables=(USERS,)),
    runner=Runner(15, 10 * GIB, "/work"),
    same=False,
    fresh=True,
)


def look(facts: Facts, settings: Settings = SETTINGS) -> list[Finding]:
    return servers.check(facts, settings) + content.check(facts, settings)


def here(**changes: Any) -> Facts:
    return replace(FACTS, here=replace(SIDE, **changes))


def there(**changes: Any) -> Facts:
    return replace(FACTS, there=replace(FACTS.there, **changes))


def holding(**changes: Any) -> Facts:
    return replace(FACTS, content=replace(FACTS.content, **changes))


def test_a_good_pair_has_no_finding() -> None:
    assert look(FACTS) == []


FATAL: list[tuple[Facts, str]] = [
    (holding(wal_rate=11 * GIB), "lost before the target can follow"),
    (
        here(settings={**PARAMETERS, "max_slot_wal_keep_size": "1"}),
        "1 MiB may be kept for a slot, less than 4 segments",
    ),
    (replace(FACTS, same=True), "it is the same database as the source"),
    (replace(FACTS, target=Target(replace(SERVER, version=140009))), "PostgreSQL 14 is older than the source's 15"),
    (replace(FACTS, runner=Runner(17, 10 * GIB, "/w")), "client 17 of PostgreSQL, the target is 15"),
    (replace(FACTS, runner=Runner(15, 1024, "/w")), "0 MiB are free for the journal"),
    (replace(FACTS, source=replace(FACTS.source, server=replace(SERVER, in_recovery=True))), "read-only standby"),
    (
        replace(
            FACTS, source=replace(FACTS.source, server=replace(SERVER, extensions=(Extension("postgis", "3", "p"),)))
        ),
        "extension postgis: the target does not offer it",
    ),
    (
        here(settings={**PARAMETERS, "wal_level": "replica"}),
        "changes cannot be read from it. Mend: ALTER SYSTEM SET wal_level",
    ),
    (
        there(settings={**PARAMETERS, "wal_level": "replica", "rds.logical_replication": "off"}),
        "the way back cannot be armed. Mend: set rds.logical_replication=1 in the cluster's parameter group and reboot",
    ),
    (here(slots_used=8), "max_replication_slots is 10, 8 are in use and the move needs 3"),
    (here(senders_used=9), "max_wal_senders is 10, 9 are in use"),
    (there(settings={**PARAMETERS, "max_logical_replication_workers": "0"}), "nothing would apply the changes"),
    (there(workers_used=8), "the worker that applies changes finds no place"),
    (there(makes_subscriptions=False), "target login master: it may not create the subscription"),
    (here(makes_subscriptions=False), "it may not create the subscription of the way back"),
    (here(superuser=False), "the event trigger that refuses changes"),
    (here(superuser=False, replication=False), "it may not create replication slots"),
    (here(free_connections=5), "source: 5 connections are free, 4 jobs need 9"),
    (here(roles={}), "application role shop: the source has no such role"),
    (here(login="shop"), "it is the login that the move itself uses on the source"),
    (replace(holding(policies=(("t", True),)), there=replace(FACTS.there, bypasses_policies=False)), "binds master"),
    (replace(FACTS, target=Target(SERVER, objects=("table x.y",))), "it is not empty (table x.y)"),
    (here(prepared=(("'p'", "other"),)), "prepared transactions are open ('p' in database other)"),
    (here(prepared=(("'p'", "other"),)), "Mend: in database other, COMMIT PREPARED 'p' or ROLLBACK PREPARED 'p'"),
    (holding(waiting=(Waiting(7, "u", "", 301.0),)), "(process 7, no name) has been writing for 301 s"),
    (holding(near_end=(("s", 500, 1),)), "500 values are left, the margin of 1000 does not fit"),
    (holding(oversize=(("t, row at ctid (0,1)", 1024**3),)), "its text is 1024 MiB long at least"),
]


@pytest.mark.parametrize(("facts", "words"), FATAL, ids=[words[:40] for _, words in FATAL])
def test_what_forbids_the_move(facts: Facts, words: str) -> None:
    found = [str(one) for one in look(facts) if one.fatal]
    assert any(words in one for one in found), found
    assert all(". Mend: " in one for one in found)


LOG = Table("public", "log", "public.log", 100, GIB, 1000, (), "d")
NOTICES: list[tuple[Facts, str]] = [
    (
        holding(tables=(LOG,)),
        "REPLICA IDENTITY FULL is set for the time of the move; each UPDATE or DELETE costs the target",
    ),
    (
        holding(tables=(LOG,)),
        "a storm of them will fall behind; it is compared as a whole in the freeze if it changes, 2.9 s",
    ),
    (holding(tables=(replace(USERS, identity="n"),)), "its replica identity is NOTHING"),
    (holding(large_objects=3, large_object_bytes=5 * 1024**2), "3 (5.0 MiB): replication does not carry them"),
    (holding(unlogged=("public.cache",)), "unlogged tables public.cache"),
    (
        holding(unlogged=("public.cache",), unlogged_bytes=50 * 1024**2),
        "until their rows (50.0 MiB) are copied in the freeze, about 2.0 s",
    ),
    (
        holding(late_views=(("v", "it reads sequence s"),)),
        "materialised view v: it is refreshed in the freeze: it reads",
    ),
    (there(prepared=(("'p'", "other"),)), "that of the way back, which the cutover makes, would wait"),
    (holding(views=("v",)), "materialised views: v are refreshed"),
    (holding(waiting=(Waiting(7, "u", "a", 60.0),)), "SELECT pg_terminate_backend(7)"),
    (holding(near_end=(("s", 5000, 1),)), "5000 values are left"),
    (holding(oversize_unknown=("t",)), "could not be seen in time"),
    (here(sorted_sample="b a"), "sorted differently"),
    (here(settings={**PARAMETERS, "max_slot_wal_keep_size": "-1"}), "the move sets it to 10.0 GiB"),
    (here(sorted_sample=""), "whether both sort alike is not known"),
    (holding(wal_rate=4 * GIB), "in the 2 s of the seed about"),
    (holding(wal_rate=10 * 1024**2), "10.0 GiB last for 17 minutes"),
    (here(roles={"shop": (True, True)}), "it can write to a read-only database"),
    (
        replace(FACTS, source=replace(FACTS.source, publications=("p", "platform_move_1"))),
        "publication p: it is not moved",
    ),
]


@pytest.mark.parametrize(("facts", "words"), NOTICES, ids=[words[:40] for _, words in NOTICES])
def test_what_is_worth_a_word(facts: Facts, words: str) -> None:
    found = look(facts)
    assert any(words in str(one) for one in found), found
    assert not any(one.fatal for one in found)
    assert not any("platform_move" in str(one) for one in found)


def test_a_target_that_this_move_filled_is_no_hindrance() -> None:
    filled = Target(SERVER, objects=("table x.y",), offers={"a": Offer("1", True, True)})
    assert look(replace(FACTS, target=filled, fresh=False)) == []
    assert look(replace(FACTS, target=Target(SERVER, objects=("schema platform_migration",)))) == []


def test_the_estimate_follows_size_jobs_and_what_the_freeze_carries() -> None:
    tables = (replace(USERS, bytes=6 * GIB), replace(LOG, bytes=GIB))
    facts = holding(tables=tables, index_bytes=GIB, large_object_bytes=250 * 1024**2, sequences=1000)
    found = estimate.of(facts, SETTINGS)
    assert found["seed_seconds"] == pytest.approx(7 * 1024 / 60 + 1024 / 40 + 10 + 2, abs=0.1)
    assert found["freeze_seconds"] == pytest.approx(0.5 + 0.5 + 10 / 16 + 1024 / 350, abs=0.1)
    kept = replace(facts, content=replace(facts.content, unlogged_bytes=100 * 1024**2))
    assert estimate.of(kept, SETTINGS)["freeze_seconds"] == pytest.approx(found["freeze_seconds"] + 4, abs=0.1)
    assert estimate.of(kept, SETTINGS)["unlogged_bytes"] == 100 * 1024**2
    blind = replace(facts, here=replace(SIDE, superuser=False))  # nothing tells which large objects changed
    assert estimate.of(blind, SETTINGS)["freeze_seconds"] == pytest.approx(0.5 + 0.5 + 10 + 1024 / 350, abs=0.1)
    assert estimate.of(facts, replace(SETTINGS, verify="full"))["freeze_seconds"] > found["freeze_seconds"] + 15
    assert estimate.of(facts, replace(SETTINGS, rate_limit=1024**2))["seed_seconds"] > 7000


def test_how_much_of_the_targets_disk_is_needed() -> None:
    facts = holding(tables=(replace(USERS, bytes=5 * GIB),), index_bytes=2 * GIB, unlogged_bytes=GIB)
    (found,) = room.check(facts)
    assert not found.fatal
    assert "target disk: about 9830 MiB have to be free there" in str(found)
    assert "Mend: compare with df" in str(found)
    assert estimate.of(facts, SETTINGS)["target_bytes"] == int(1.2 * 8 * GIB)
    managed = replace(facts, there=replace(facts.there, settings={"rds.extensions": "x"}))
    assert "nothing on Aurora" in str(room.check(managed)[0])
    assert room.check(replace(facts, fresh=False)) == []


def end(ca_file: Path) -> Endpoint:
    return Endpoint("source", "h", 5432, "d", "u", "p", "verify-full", str(ca_file))


def test_the_dates_of_a_ca_file(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    assert "not on this runner" in str(tls.ca_file(end(file))[0])
    file.write_text("nothing")
    assert "cannot be read as certificates" in str(tls.ca_file(end(file))[0])
    for first, last, words, fatal in (
        (-30, -2, "test expired on", True),
        (2, 30, "test is valid from", True),
        (-30, 3, "it expires on", False),
    ):
        file.write_bytes(authority(first, last))
        found = tls.ca_file(end(file))
        assert [(words in one.problem, one.fatal) for one in found] == [(True, fatal)], found
    file.write_bytes(authority(-30, -2) + authority(-1, 300, "new"))
    assert tls.ca_file(end(file)) == []


def test_the_pooler_holds_transactions_and_for_long_enough() -> None:
    settings = Settings(pooler=Pooler("shop"), freeze_budget=30.0)
    good = {"pool_mode": "transaction", "query_wait_timeout": "120"}
    assert pooler.judge(settings, {"pool_mode": ""}, good) == []
    assert pooler.judge(settings, {"pool_mode": "transaction"}, {**good, "query_wait_timeout": "0"}) == []
    session = pooler.judge(settings, {"pool_mode": "session"}, good)
    assert "its pool_mode is session" in str(session[0])
    short = pooler.judge(settings, {}, {**good, "query_wait_timeout": "30"})
    assert "clients that wait would be refused" in str(short[0])


def test_rows_of_extensions_are_acknowledged_by_name() -> None:
    """Copied where that can be; silence about the others would be a loss."""
    kept = (
        ExtensionRows("pg_cron", "cron.job", 3),
        ExtensionRows("secret", "s.t", None),
        ExtensionRows("x", "x.y", 2),
        ExtensionRows("x", "x.z", 2, True),
    )
    held = holding(extension_rows=kept)
    found = look(held)
    assert [one.fatal for one in found] == [True, True, False, True]
    assert "table cron.job of extension pg_cron: it holds 3 rows of the users" in str(found[0])
    assert "a background worker of the target would act on copies" in str(found[0])
    assert "GRANT SELECT, INSERT, UPDATE, DELETE ON x.z" in str(found[3])
    assert "name cron.job in left_extension_tables" in str(found[0])
    assert "this login may not look" in str(found[1])
    assert "copied with the seed and made equal in the freeze" in str(found[2])
    left = replace(SETTINGS, left_extension_tables=("cron.job",))
    assert [one.fatal for one in look(held, left)] == [False, True, False, True]


def test_what_would_fire_again_or_stop_where_changes_are_applied() -> None:
    found = look(
        holding(
            firing=(Firing("public.seats", "audit", "A"), Firing("public.seats", "copy", "R")),
            unequal=(Unequal("public.log", ("data json",), 5), Unequal("public.trail", ("data json", "at point"), 0)),
        )
    )
    assert [one.fatal for one in found] == [True, True, True, False]
    assert "ALTER TABLE public.seats ENABLE TRIGGER audit" in str(found[0])
    assert "ALTER TABLE public.seats DISABLE TRIGGER copy" in str(found[1])
    assert "data json cannot be compared" in str(found[2])
    assert "data json, at point" in str(found[3])


def test_slots_of_the_target_are_limited_too() -> None:
    unlimited = {**PARAMETERS, "max_slot_wal_keep_size": "-1"}
    found = look(there(settings=unlimited))
    assert [one.fatal for one in found] == [False]
    assert "target disk: max_slot_wal_keep_size is not set" in str(found[0])
    assert "ALTER SYSTEM SET max_slot_wal_keep_size TO '10240MB'; SELECT pg_reload_conf()" in str(found[0])
    managed = look(there(settings={**unlimited, "rds.logical_replication": "on"}))
    assert "in the cluster's parameter group; or finish" in str(managed[0])
