"""The seed between two real servers: exact whatever is killed, and whoever writes meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import facts, finish, launch
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    MigrationError,
    RefusedError,
    SlotLostError,
    SnapshotLostError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import run as preflight
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import run, snapshot

from tests.integration.pg_clusters import PASSWORD
from tests.integration.pg_migration.conftest import Move, until

MIB = 1024**2
SMALL_PARTS = {"part_bytes": MIB, "jobs": 2}


@contextlib.contextmanager
def seeding(move: Move, **settings: Any) -> Iterator[Future[dict[str, Any]]]:
    """A seed that runs beside the test."""
    with ThreadPoolExecutor(1) as pool:
        try:
            yield pool.submit(move, run.run, **settings)
        except BaseException:
            launch.stop(launch.Unit(move.context(), "seed"))
            raise


def copied(move: Move) -> int:
    return int(move.on_target("SELECT count(*) FROM platform_migration.parts WHERE copied IS NOT NULL")[0][0])


def kill(move: Move, what: str = "seed") -> None:
    number = until(lambda: launch.pid(launch.Unit(move.context(), what)))
    os.kill(number, signal.SIGKILL)
    until(lambda: not launch.alive(launch.Unit(move.context(), what)))


def subscribe(move: Move) -> None:
    """What `follow` does, without its care: the subscription takes the slot over, and has caught up."""
    names, peer = move.context().names, move.ends.publisher
    words = {"host": peer.host, "port": peer.port, "user": peer.username, "dbname": move.dbname, "sslmode": peer.sslmode,
             "sslrootcert": peer.ca_file, "password": peer.password}  # fmt: skip
    conninfo = psycopg.conninfo.make_conninfo(**words)
    with move.target.admin(move.dbname) as session:
        session.execute(
            psycopg.sql.SQL(
                "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {} WITH (create_slot = false, slot_name = {}, copy_data = false,"
                " disable_on_error = true)"
            ).format(
                psycopg.sql.Identifier(names.subscription),
                conninfo,
                psycopg.sql.Identifier(names.publication),
                psycopg.sql.Literal(names.slot),
            )
        )
    drain(move)


def drain(move: Move) -> None:
    lsn = move.source.execute("SELECT pg_current_wal_lsn()::text")[0][0]
    slot = f"SELECT confirmed_flush_lsn >= '{lsn}' FROM pg_replication_slots WHERE slot_name = '{move.context().names.slot}'"  # noqa: S608
    until(lambda: move.source.execute(slot)[0][0])


class Writers:
    """Customers who write to the source all the time, and remember what was acknowledged."""

    def __init__(self, move: Move) -> None:
        self.move, self.acknowledged = move, 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.failure: Exception | None = None

    def _run(self) -> None:
        end = self.move.source.endpoint(self.move.dbname, "shopper")
        try:
            with psycopg.connect(**end.parameters(), password=PASSWORD, autocommit=True) as session:
                number = 0
                while not self._end.is_set():
                    number += 1
                    session.execute("INSERT INTO big VALUES (%s, 'new', 1, now())", (1_000_000 + number,))
                    self.acknowledged = number
                    session.execute("UPDATE big SET b = b + 1 WHERE id = %s", (1 + number * 7 % 60000,))
                    session.execute("DELETE FROM big WHERE id = %s", (1 + number * 11 % 60000,))
                    session.execute("INSERT INTO log VALUES ('w', %s, %s)", (str(number), number))
                    session.execute('UPDATE log SET n = n + 1 WHERE "select" = %s', (str(number - 1),))
                    session.execute(
                        "INSERT INTO bookings (event_id, user_id, state, at) VALUES (1, 1, 'held', timestamptz '2025-12-31' + %s * interval '1 minute')",
                        (number,),
                    )
                    time.sleep(0.001)
        except Exception as error:
            self.failure = error

    def __enter__(self) -> Writers:
        self._thread.start()
        until(lambda: self.acknowledged)
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        assert self.failure is None, self.failure


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


def test_seeds_every_trap_as_no_superuser(trap_move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """The target's login may here do less than rds_superuser may: the subscription needs more, the seed does not."""
    monkeypatch.setattr(preflight, "findings", lambda context: [])
    move = trap_move
    move.on_source(
        "CREATE TABLE mother (id int PRIMARY KEY, t text); CREATE TABLE child (extra int, PRIMARY KEY (id)) INHERITS (mother);"
        "INSERT INTO mother VALUES (1, 'm'); INSERT INTO child VALUES (2, 'c', 3);"
        # a cycle of foreign keys, one of them not yet checked
        "CREATE TABLE hen (id int PRIMARY KEY, egg int); CREATE TABLE egg (id int PRIMARY KEY, hen int REFERENCES hen);"
        "INSERT INTO hen VALUES (1, 1); INSERT INTO egg VALUES (1, 1), (2, NULL);"
        "ALTER TABLE hen ADD CONSTRAINT hen_egg FOREIGN KEY (egg) REFERENCES egg DEFERRABLE INITIALLY DEFERRED;"
        "ALTER TABLE egg ADD CONSTRAINT odd FOREIGN KEY (id) REFERENCES hen NOT VALID;"
        "CREATE TABLE kinds (id int PRIMARY KEY, states seat_state[], cost price, what regclass, pair point, none int);"
        "INSERT INTO kinds VALUES (1, '{free,sold}', 3, 'users', '(1,2)', NULL);"
        "CREATE TABLE only_generated (g int GENERATED ALWAYS AS (1) STORED); INSERT INTO only_generated DEFAULT VALUES;"
        "CREATE TABLE no_columns (); INSERT INTO no_columns DEFAULT VALUES; INSERT INTO no_columns DEFAULT VALUES;"
        "CREATE MATERIALIZED VIEW aaa_sums AS SELECT 1 AS one; CREATE MATERIALIZED VIEW sums AS SELECT sum(sold) FROM sales;"
        "DROP MATERIALIZED VIEW aaa_sums; CREATE MATERIALIZED VIEW aaa_sums AS SELECT * FROM sums;"
        "CREATE MATERIALIZED VIEW unfilled AS SELECT 1 WITH NO DATA;"
        # kept by a key, so pg_dump makes it after the keys
        "CREATE VIEW by_key AS SELECT id, email FROM users GROUP BY id; COMMENT ON INDEX events_trgm IS '--\n-- TOC entry 1 (class';"
    )
    move.target.execute("ALTER ROLE master NOSUPERUSER")
    planned = move(run.run, check=True)
    assert planned["changed"]
    assert planned["estimate"]["tables"] == 17
    assert 0 < planned["estimate"]["freeze_seconds"] < planned["estimate"]["seconds"]
    assert not move.source.execute("SELECT 1 FROM pg_replication_slots")

    done = move(run.run)
    assert done["phase"] == "seeded"
    assert any("public.log has no key" in notice for notice in done["notices"])
    assert any("public.ranks has no key (a deferrable one" in notice for notice in done["notices"])
    move.same_rows()
    for catalog in (
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid FROM pg_index WHERE indrelid >= 16384 ORDER BY 1",
        "SELECT conname, conrelid::regclass::text, pg_get_constraintdef(oid), convalidated FROM pg_constraint WHERE oid >= 16384"
        " AND connamespace <> coalesce(to_regnamespace('platform_migration'), 0) ORDER BY 1, 2",
        "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1",
        "SELECT polname, polrelid::regclass::text FROM pg_policy",
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relrowsecurity",
        "SELECT relname, relispopulated FROM pg_class WHERE relkind = 'm' ORDER BY 1",
        "SELECT sequencename, start_value, last_value FROM pg_sequences ORDER BY 1",
        "SELECT pg_get_viewdef('by_key'::regclass), obj_description('events_trgm'::regclass), (SELECT sum(sum) FROM aaa_sums)",
    ):
        move.equal(catalog.replace("indrelid >= 16384", "indrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN"
                                   " ('public'::regnamespace, '\"odd Schema\"'::regnamespace))"))  # fmt: skip
    assert move.on_target("SELECT count(*) FROM pg_stats WHERE schemaname = 'public'")[0][0] > 10
    assert not launch.alive(launch.Unit(move.context(), "snapshot")), "the source must vacuum again"
    assert move.source.execute("SELECT slot_type, active, wal_status FROM pg_replication_slots") == [
        ("logical", False, "reserved")
    ]
    again = move(run.run)
    assert not again["changed"]
    assert again["message"] == "already seeded (seeded)"
    for path in move.folder.rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes()
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_snapshot_and_slot_are_one_moment(big_move: Move) -> None:
    """Writers before, during and after: what is in the snapshot is not replayed, what is after it is not lost."""
    with Writers(big_move) as writers:
        done = big_move(run.run, **SMALL_PARTS)
        during = writers.acknowledged
        subscribe(big_move)
        until(lambda: writers.acknowledged > during + 50)
    drain(big_move)
    big_move.same_rows()
    assert done["seed"]["parts"] > 12
    assert big_move.on_target("SELECT count(*) FROM big WHERE id > 1000000") == [(writers.acknowledged,)]


def test_killed_worker_goes_on_exactly(big_move: Move) -> None:
    """At several points: in the schema, at the first part, amid the parts, with a key built, after the statistics."""
    move, slow = big_move, {**SMALL_PARTS, "rate_limit": 3 * MIB}
    done = "SELECT 1 FROM platform_migration.steps WHERE done IS NOT NULL AND "

    def die_at(point: Callable[[], Any], before: Callable[[], Any] = lambda: None) -> None:
        had = copied(move) if move.on_target("SELECT to_regclass('platform_migration.parts')")[0][0] else 0
        with seeding(move, **slow) as seed:
            before()
            until(point)
            kill(move)
            with pytest.raises(MigrationError, match="ended without a word"):
                seed.result()
        if had:
            assert copied(move) >= had, "a part that was there was thrown away"

    with Writers(move), move.target.admin(move.dbname) as blocker:
        blocker.autocommit = False

        def block_foreign_keys() -> None:
            left = "SELECT count(*) FROM platform_migration.steps WHERE done IS NULL AND stage = 'table' AND relation = 'public.users'"
            until(lambda: move.on_target(left) == [(0,)])
            until(lambda: blocker.execute("LOCK TABLE public.users IN ROW EXCLUSIVE MODE"))

        die_at((move.context().journal.folder / "schema.dump").exists)
        made = snapshot.known(move.context())["lsn"]
        die_at(lambda: move.on_target("SELECT 1 FROM platform_migration.parts LIMIT 1"))
        die_at(lambda: copied(move) >= 4)
        die_at(lambda: move.on_target(f"{done} relation = 'public.users'"))
        die_at(lambda: move.on_target(f"{done} stage = 'analyze'"), block_foreign_keys)
        blocker.rollback()
        assert move(run.run, **slow)["phase"] == "seeded"
        assert snapshot.known(move.context())["lsn"] == made, "a snapshot that was still there was given up"
        subscribe(move)
    drain(move)
    move.same_rows()


def test_controller_may_die_and_another_attaches(big_move: Move) -> None:
    slow = {**SMALL_PARTS, "rate_limit": 2 * MIB}
    controller = os.fork()
    if controller == 0:
        big_move(run.run, **slow)
        os._exit(0)
    until(lambda: copied(big_move) >= 1)
    os.kill(controller, signal.SIGKILL)
    os.waitpid(controller, 0)
    number = launch.pid(launch.Unit(big_move.context(), "seed"))
    assert number, "the copying ended with its controller"
    known = until(lambda: (now := big_move.context().journal.read("progress.json")) and now["done_bytes"] and now)
    assert known["total_bytes"] > known["done_bytes"] > 0
    assert any(one.startswith("copy public.big#") for one in known["extra"]["running"])
    for place in ("cmdline", "environ"):
        assert PASSWORD.encode() not in Path(f"/proc/{number}/{place}").read_bytes()
    assert not list((big_move.folder / "run").iterdir()), "the worker has read its passwords, and removed them"
    assert big_move(run.run, **SMALL_PARTS)["phase"] == "seeded"
    big_move.same_rows()


def test_what_somebody_else_put_there_is_never_dropped(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed stopped before its first row. Given again, it finds a target that is in use by now; and whatever looks away does not help."""
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "create", _no_slot)
        with pytest.raises(MigrationError, match="no slot"):
            move(run.run)
    assert move.context().journal.phase == "seeding"
    move.on_target(
        "CREATE TABLE public.orders AS SELECT 4711 AS n; CREATE VIEW public.seen AS SELECT * FROM public.orders"
    )
    with pytest.raises(RefusedError, match=r"not empty.*orders.*Mend"):
        move(run.run)
    monkeypatch.setattr(preflight, "findings", lambda context: [])
    for restart in (False, True):
        with pytest.raises(MigrationError, match=r"not empty.*orders.*this move did not fill it.*Mend"):
            move(run.run, restart=restart)
    assert any("was left alone" in words for words in move(finish.run, clean_target=True)["notices"])
    assert move.on_target("SELECT n FROM public.seen") == [(4711,)]


def _no_slot(context: Context) -> None:
    raise MigrationError("no slot")


def test_lost_snapshot_is_refused_and_restart_begins_anew(big_move: Move) -> None:
    move, slow = big_move, {**SMALL_PARTS, "rate_limit": 4 * MIB}
    with seeding(move, **slow) as seed:
        until(lambda: copied(move) >= 3)
        kill(move, "snapshot")
        kill(move)
        with pytest.raises(MigrationError):
            seed.result()
    move.on_source("INSERT INTO big VALUES (-1, 'between', 0, now())")
    with pytest.raises(SnapshotLostError, match="restart=true"):
        move(run.run, **slow)
    assert copied(move) >= 3
    assert move(run.run, **SMALL_PARTS, restart=True)["phase"] == "seeded"
    move.same_rows()
    subscribe(move)
    move.on_source("INSERT INTO big VALUES (-2, 'after', 0, now())")
    drain(move)
    move.same_rows()


def test_lost_slot_is_refused_even_when_all_is_read(big_move: Move) -> None:
    with seeding(big_move, **SMALL_PARTS) as seed:
        until(lambda: big_move.on_target("SELECT 1 FROM platform_migration.steps WHERE done IS NOT NULL"))
        until(lambda: not launch.alive(launch.Unit(big_move.context(), "snapshot")))
        with contextlib.suppress(AssertionError):
            kill(big_move)
        with contextlib.suppress(MigrationError):
            seed.result()
    with big_move.opened() as context:
        context.journal.save(phase="seeding")
    big_move.source.execute(f"SELECT pg_drop_replication_slot('{big_move.context().names.slot}')")
    with pytest.raises(SlotLostError, match="is gone from the source"):
        big_move(run.run, **SMALL_PARTS)


@pytest.mark.full  # of kills at any point test_seed_and_follow has many
def test_target_server_dies_and_comes_back(big_move: Move) -> None:
    slow = {**SMALL_PARTS, "rate_limit": 8 * MIB}
    with seeding(big_move, **slow) as seed:
        until(lambda: copied(big_move) >= 3)
        big_move.target.stop()
        with pytest.raises(MigrationError):
            seed.result()
        big_move.target.start()
    assert big_move(run.run, **slow)["phase"] == "seeded"
    big_move.same_rows()


def test_long_transaction_is_named_and_nothing_is_left(trap_move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot.create, "__defaults__", (2.0,))
    with trap_move.source.admin("shop") as busy:
        busy.autocommit = False
        busy.execute("UPDATE users SET born = born WHERE id = 1")
        pid = busy.info.backend_pid
        with pytest.raises(MigrationError, match=f"pid {pid} of postgres"):
            trap_move(run.run)
        assert not trap_move.source.execute("SELECT 1 FROM pg_replication_slots")
        assert not launch.alive(launch.Unit(trap_move.context(), "snapshot"))
        busy.rollback()
    assert trap_move(run.run)["phase"] == "seeded"


def peak(pid: int) -> int:
    """Bytes of memory that a process has had at most."""
    return 1024 * int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0])


def test_throttles_hold(big_move: Move) -> None:
    """Also of memory, whatever is copied: the processes of the move share the runner with others."""
    rate = 4 * MIB
    big_move.on_source("CREATE TABLE aside AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 16000)")
    with seeding(big_move, rate_limit=rate, **SMALL_PARTS) as seed:
        until(lambda: copied(big_move) >= 10)
        for what in ("seed", "snapshot"):
            number = launch.pid(launch.Unit(big_move.context(), what))
            print(what, peak(number) // MIB, "MiB")
            assert peak(number) < 300 * MIB
        done = seed.result()
    seconds = done["seed"]["laps"]["copy"]
    # A second's worth may have been saved up before the copy began.
    assert done["seed"]["bytes"] < rate * (seconds + 1)
    assert done["seed"]["bytes"] > 0.7 * rate * seconds


def test_source_latency_pauses_the_copy(big_move: Move) -> None:
    """With a limit that no server keeps, nothing is copied, and progress.json says why; the next run without it goes on."""
    with seeding(big_move, **SMALL_PARTS, source_latency_limit=0.000001) as seed:
        known = until(
            lambda: (now := big_move.context().journal.read("progress.json")) and now["extra"]["running"] and now
        )
        assert "a commit on the source takes" in known["note"]
        here = copied(big_move)
        kill(big_move)
        with pytest.raises(MigrationError):
            seed.result()
    assert here <= 2
    assert big_move(run.run, **SMALL_PARTS)["phase"] == "seeded"
    big_move.same_rows()
