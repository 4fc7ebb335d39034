# ruff: noqa: S608 - the statements are made of numbers of our own
"""Comparing two real servers of which one follows the other."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import facts, verify
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import DifferenceError, OrderError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import FOLLOWING
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import changes
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import leg as legs

from tests.integration.pg_clusters import BIN
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import switched
from tests.waiting import until

EVERY_TYPE = """
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE "Odd ""%s"" {}" ("Key %" text, "k{2}" numeric(10, 2), b bool, f float8, n numeric, j jsonb, m mood, a int[], raw bytea,
  at timestamptz, t text, doc json, c char(5), PRIMARY KEY ("Key %", "k{2}"));
INSERT INTO "Odd ""%s"" {}" SELECT 'ä ''' || i, i / 3.0, i % 2 = 0, i / 7.0, i / 9.0, jsonb_build_object('i', i), 'glad', ARRAY[i, NULL],
  decode(md5(i::text), 'hex'), timestamptz '2025-01-01' + i * interval '1 hour', CASE WHEN i % 2 = 0 THEN 'x' END, '{"a": 1}', 'ab'
  FROM generate_series(1, 400) i;
CREATE TABLE flags (on_ bool, code char(4), long text NOT NULL, PRIMARY KEY (on_, code));
INSERT INTO flags VALUES (true, 'ab', 'x'), (false, 'cd', 'y');
ALTER TABLE flags REPLICA IDENTITY FULL;
CREATE TABLE twins (a int, b text);
INSERT INTO twins SELECT i % 50, 'twin' FROM generate_series(1, 300) i;
CREATE TABLE parts (id int, region text, v text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parts_eu PARTITION OF parts FOR VALUES IN ('eu');
CREATE TABLE parts_us PARTITION OF parts FOR VALUES IN ('us');
INSERT INTO parts SELECT i, CASE WHEN i % 2 = 0 THEN 'eu' ELSE 'us' END, 'v' FROM generate_series(1, 500) i;
CREATE TABLE many (id bigint PRIMARY KEY, v int NOT NULL, note text);
INSERT INTO many SELECT i, 0, 'note ' || i FROM generate_series(1, %d) i;
CREATE TABLE cleared (id int PRIMARY KEY);
INSERT INTO cleared SELECT generate_series(1, 100);
"""


def copy(move: Move) -> None:
    """The state that seed and follow leave: everything there, and the target following."""
    names, clusters = move.context().names, (move.source, move.target)
    with move.context().source() as session:
        for table in facts.read_tables(session):
            if not table.key:
                session.execute(psycopg.sql.SQL("ALTER TABLE " + table.label + " REPLICA IDENTITY FULL"))
        tables = ", ".join(table.label for table in facts.read_tables(session))
        session.execute(psycopg.sql.SQL(f"CREATE PUBLICATION {names.publication} FOR TABLE {tables}"))
        session.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (names.slot,))
    dump, load = (["-h", str(one.data), "-p", str(one.port), "-U", "postgres", "-d", move.dbname] for one in clusters)
    environment = {"PGPASSWORD": "admin", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
    with subprocess.Popen(
        [str(BIN / "pg_dump"), "--no-publications", "--no-privileges", *dump], env=environment, stdout=subprocess.PIPE
    ) as out:
        subprocess.run(
            [str(BIN / "psql"), "-qX", "-o", "/dev/null", *load], env=environment, stdin=out.stdout, check=True
        )
    peer = move.ends.publisher
    conninfo = psycopg.conninfo.make_conninfo(
        host=peer.host, port=peer.port, user=peer.username, password=peer.password, dbname=move.dbname
    )
    with move.target.admin(move.dbname) as session:
        session.execute(
            psycopg.sql.SQL(
                "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {} WITH (create_slot = false, copy_data = false, slot_name = {})"
            ).format(
                psycopg.sql.Identifier(names.subscription),
                conninfo,
                psycopg.sql.Identifier(names.publication),
                psycopg.sql.Literal(names.slot),
            )
        )
    with move.opened() as context:
        context.journal.phase_is(FOLLOWING)


@pytest.fixture
def followed(make_move: Callable[[str], Move]) -> Move:
    """The example's database with one table of every kind besides."""
    move = make_move("app")
    move.on_source(EVERY_TYPE.replace("%d", "130000"))
    # Marked as begun before the copy, so that every context of the test has the same names.
    with move.opened() as context:
        context.journal.save()
    copy(move)
    return move


def online(move: Move) -> dict[str, Any]:
    return move(verify.run.run)


def freeze(move: Move) -> tuple[list[str], dict[str, Any]]:
    """What the cutover does when nobody writes any more."""
    with move.opened() as context:
        leg = legs.forward(context)
        with changes.publisher(leg) as session:
            position = changes.flushed(session)
        changes.wait_applied(leg, position, 30)
        found = verify.frozen(context)
        report = json.loads((context.journal.folder / "report.json").read_text())
    return found, report["frozen"]


def on_target(move: Move, statement: str) -> None:
    """What an operator's slip or a bug would do; no trigger of replication sees it."""
    move.on_target("SET session_replication_role = replica; " + statement)


def slots(move: Move) -> list[str]:
    return [row[0] for row in move.on_source("SELECT slot_name FROM pg_replication_slots ORDER BY 1")]


class Storm:
    """Writers who do not stop: updates, key changes, deletes and inserts, over several tables."""

    STATEMENTS = (
        "UPDATE many SET v = v + 1 WHERE id = 1 + (random() * 129999)::int",
        "UPDATE many SET id = -id WHERE id = 1 + (random() * 129999)::int",
        "DELETE FROM many WHERE id = 1 + (random() * 129999)::int",
        "INSERT INTO many SELECT 1000000 + nextval('storm'), 1, 'new'",
        'UPDATE "Odd ""%s"" {}" SET n = n + 1, t = \'y\' WHERE random() < 0.02',
        "UPDATE twins SET b = b || 'x' WHERE ctid = (SELECT ctid FROM twins LIMIT 1)",
        "UPDATE parts SET region = CASE region WHEN 'eu' THEN 'us' ELSE 'eu' END WHERE id = (random() * 500)::int",
        "UPDATE flags SET long = long || 'z'",
    )

    def __init__(self, move: Move, writers: int = 2) -> None:
        self.move, self.stop, self.writes = move, threading.Event(), 0
        move.on_source("CREATE SEQUENCE IF NOT EXISTS storm")
        move.on_target("CREATE SEQUENCE IF NOT EXISTS storm")
        self.threads = [threading.Thread(target=self.write, args=(number,)) for number in range(writers)]

    def write(self, number: int) -> None:
        with self.move.source.admin(self.move.dbname) as session:
            session.execute("SET synchronous_commit = off")
            while not self.stop.is_set():
                session.execute(psycopg.sql.SQL(self.STATEMENTS[(self.writes + number) % len(self.STATEMENTS)]))
                self.writes += 1
                time.sleep(0.002)

    @contextlib.contextmanager
    def blowing(self) -> Iterator[None]:
        for thread in self.threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in self.threads:
                thread.join()


def test_equal_sides_and_the_report(followed: Move) -> None:
    move = followed
    result = online(move)
    report = result["report"]
    assert report["verdict"] == "the same"
    many = next(table for table in report["tables"] if table["name"] == "public.many")
    assert many["rows"] == [130000, 130000]
    assert many["hashes"][0] == many["hashes"][1]
    assert many["ranges"] >= 3
    assert slots(move) == sorted([move.context().names.slot, move.context().names.verify_slot])
    found, outcome = freeze(move)
    assert (found, outcome["method"], outcome["rows"], outcome["whole_tables"]) == ([], "changed", 0, [])
    folder = move.context().journal.folder
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    page = (folder / "report.html").read_text()
    assert "Odd &quot;&quot;%s&quot;&quot; {}" in page
    assert "In the freeze" in page
    online(move)  # again: a new beginning, one slot
    assert len(slots(move)) == 2
    with move.opened() as context:
        assert verify.abandon(context)
        assert not verify.abandon(context)
    assert slots(move) == [move.context().names.slot]
    assert not list(folder.glob("changed_keys*"))


FAULTS = {
    "altered": (
        "UPDATE many SET v = 7 WHERE id = 77123",
        "table public.many: row (id=77123) differs in v",
    ),
    "missing": ("DELETE FROM many WHERE id = 5", "table public.many: row (id=5) is missing on the target"),
    "extra": (
        "INSERT INTO many VALUES (99000000, 1, '')",
        "table public.many: row (id=99000000) is on the target only",
    ),
    "empty for null": (
        'UPDATE "Odd ""%s"" {}" SET t = \'\' WHERE "Key %" = \'ä \'\'7\'',
        "row (Key %=ä '7, k{2}=2.33) differs in t",
    ),
    "last digit": (
        'UPDATE "Odd ""%s"" {}" SET f = f + 1e-13, n = n + 1e-16 WHERE "Key %" = \'ä \'\'8\'',
        "differs in f, n",
    ),
    "types": (
        'UPDATE "Odd ""%s"" {}" SET j = j || \'{"x": null}\', m = \'sad\', a = a || 1, raw = raw || \'\\x00\','
        " at = at + interval '1 us', doc = '{\"a\":1}' WHERE \"Key %\" = 'ä ''9'",
        "differs in j, m, a, raw, at, doc",
    ),
    "swapped": (
        "UPDATE many SET note = 'note ' || (21 - id) WHERE id IN (10, 11)",
        "row (id=11) differs in note",
    ),
    "twin": (
        "DELETE FROM twins WHERE ctid = (SELECT min(ctid) FROM twins)",
        "table public.twins (without a key): 300 rows on the source, 299 on the target; 1 only on the source",
    ),
    "partition": ("UPDATE parts SET v = 'w' WHERE id = 8", "table public.parts_eu: row (id=8, region=eu) differs in v"),
    "bool key": ("UPDATE flags SET long = '' WHERE on_", "table public.flags: row (on_=t, code=ab  ) differs in long"),
    "index": ("DROP INDEX idx_events_status", "index public.idx_events_status is missing on the target"),
}


def test_every_planted_fault_is_located(followed: Move) -> None:
    move = followed
    index = move.on_target(
        "SELECT indexname FROM pg_indexes WHERE tablename = 'events' AND indexname NOT LIKE '%key' LIMIT 1"
    )
    name = index[0][0]
    faults = {what: tuple(text.replace("idx_events_status", name) for text in pair) for what, pair in FAULTS.items()}
    for statement, _ in faults.values():
        on_target(move, statement)
    with pytest.raises(DifferenceError) as caught:
        online(move)
    for what, (_, words) in faults.items():
        assert any(words in one for one in caught.value.differences), (what, caught.value.differences)
    assert len(caught.value.differences) == len(faults) + 1  # a swap is two rows
    assert slots(move) == [move.context().names.slot]
    report = json.loads((move.context().journal.folder / "report.json").read_text())
    assert report["verdict"] == "different"
    with move.opened() as context:
        again = verify.full(context)
    assert sorted(again) == sorted(caught.value.differences)


def test_writers_never_make_a_fault_and_never_hide_one(followed: Move) -> None:
    move = followed
    storm = Storm(move)
    with storm.blowing():
        for _ in range(3):
            result = online(move)
        assert result["report"]["set_aside"] or storm.writes
        # A row nobody touches, in a table under load.
        on_target(move, "UPDATE cleared SET id = 1000 WHERE id = 50")
        move.on_source("INSERT INTO many VALUES (0, 0, 'kept')")
        until(lambda: move.on_target("SELECT 1 FROM many WHERE id = 0"))
        on_target(move, "UPDATE many SET note = 'spoilt' WHERE id = 0")
        with pytest.raises(DifferenceError) as caught:
            online(move)
    assert sorted(caught.value.differences) == [
        "table public.cleared: row (id=1000) is on the target only",
        "table public.cleared: row (id=50) is missing on the target",
        "table public.many: row (id=0) differs in note",
    ]
    assert storm.writes > 200


def test_the_freeze_finds_what_went_wrong_with_changed_rows(followed: Move) -> None:
    move = followed
    online(move)
    storm = Storm(move)
    with storm.blowing():
        time.sleep(0.3)
        with move.opened() as context:
            assert verify.collect(context) > 0  # what was read is remembered, and its WAL let go
        time.sleep(0.3)
    move.on_source("UPDATE many SET v = -1 WHERE id BETWEEN 20 AND 40")
    move.on_source("DELETE FROM many WHERE id BETWEEN 50 AND 60; INSERT INTO many VALUES (50, 9, 'again')")
    move.on_source("TRUNCATE cleared; INSERT INTO cleared VALUES (1), (2)")
    found, outcome = freeze(move)
    assert (found, outcome["method"]) == ([], "changed"), outcome
    assert "public.cleared" in outcome["whole_tables"]
    assert "public.twins" in outcome["whole_tables"]
    assert "public.many" not in outcome["whole_tables"]
    on_target(move, "UPDATE many SET note = NULL WHERE id = 33")  # a changed row
    on_target(move, "INSERT INTO many VALUES (55, 0, 'note 55')")  # a deleted one came back
    on_target(move, "DELETE FROM many WHERE id = 50")  # a new one is lost
    on_target(move, "INSERT INTO cleared VALUES (3)")
    on_target(move, "UPDATE twins SET b = '' WHERE ctid = (SELECT max(ctid) FROM twins)")
    found, _ = freeze(move)
    assert sorted(found)[:4] == [
        "table public.cleared: row (id=3) is on the target only",
        "table public.many: row (id=33) differs in note",
        "table public.many: row (id=50) is missing on the target",
        "table public.many: row (id=55) is on the target only",
    ]
    assert sorted(found)[4].startswith(
        "table public.twins (without a key): 300 rows on the source, 300 on the target; 1 only on"
    )
    assert len(found) == 5


def test_without_an_online_comparison_everything_is_compared(followed: Move) -> None:
    move = followed
    found, outcome = freeze(move)
    assert (found, outcome["method"]) == ([], "full")
    assert "no complete online verification" in outcome["why"]
    online(move)
    move.on_source(f"SELECT pg_drop_replication_slot('{move.context().names.verify_slot}')")
    found, outcome = freeze(move)
    assert (found, outcome["method"]) == ([], "full")
    assert "is gone" in outcome["why"]
    on_target(move, "UPDATE many SET v = 3 WHERE id = 4")
    found, _ = freeze(move)
    assert found == ["table public.many: row (id=4) differs in v"]


def test_out_of_its_order_and_foreseen(followed: Move) -> None:
    move = followed
    foreseen = move(verify.run.run, check=True)
    assert "would compare" in foreseen["message"]
    assert slots(move) == [move.context().names.slot]
    with move.opened() as context:
        context.journal.phase_is("seeding")
    with pytest.raises(OrderError, match=r"seeding: .* Mend: seed comes next, then follow, verify, cutover"):
        online(move)


def test_buckets_where_the_sides_sort_differently(followed: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of a text key under another version of a collation is nothing that ranges could be cut by."""
    move = followed
    monkeypatch.setattr(
        verify.run.subjects_of.__globals__["subject"], "sorts_alike", lambda here, there, recoded: not here
    )
    on_target(move, 'DELETE FROM "Odd ""%s"" {}" WHERE "Key %" = \'ä \'\'5\'')
    with pytest.raises(DifferenceError) as caught:
        online(move)
    assert caught.value.differences == [
        'table public."Odd ""%s"" {}": row (Key %=ä \'5, k{2}=1.67) is missing on the target'
    ]


def test_changes_are_read_in_pieces(followed: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many changes there are, little of them is held; a row too long to fetch makes its table suspect."""
    move = followed
    online(move)
    monkeypatch.setattr(changes, "CHUNK", 100)
    monkeypatch.setattr(changes, "PART", 3000)
    for start in range(0, 1000, 50):
        move.on_source(f"UPDATE many SET v = 5 WHERE id BETWEEN {start + 1} AND {start + 50}")
    for _ in range(2):  # the second time the old row is too long as well, and hides the new one
        move.on_source("UPDATE flags SET long = repeat(md5(random()::text), 10000)")
    before = move.on_source("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name LIKE '%verify%'")
    with move.opened() as context:
        assert verify.collect(context) >= 1000
    assert before != move.on_source(
        "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name LIKE '%verify%'"
    )
    found, outcome = freeze(move)
    assert (found, outcome["method"], outcome["rows"]) == ([], "changed", 1000)
    assert outcome["whole_tables"] == ["public.flags"]


@pytest.mark.parametrize("rows", [100_000, 1_000_000])
@pytest.mark.fewer("1000000")
def test_the_freeze_does_not_grow_with_the_data(make_move: Callable[[str], Move], rows: int) -> None:
    move = make_move("app")
    move.on_source(
        "CREATE UNLOGGED TABLE big (id int PRIMARY KEY, v int, note text);"
        f"INSERT INTO big SELECT i, 0, repeat('x', 60) FROM generate_series(1, {rows}) i; ALTER TABLE big SET LOGGED; ANALYZE big"
    )
    with move.opened() as context:
        context.journal.save()
    copy(move)
    took = online(move)["report"]["seconds"]
    move.on_source(f"UPDATE big SET v = 1 WHERE id % ({rows} / 5000) = 0")
    found, outcome = freeze(move)
    assert (found, outcome["method"], outcome["rows"]) == ([], "changed", 5000)
    print(
        f"\n{rows} rows: online {took} s, in the freeze {outcome['seconds']} s ({outcome['seconds_reading']} s to read the slot)"
    )
    assert outcome["seconds"] < 3


def test_after_the_switch_the_other_direction_is_compared(move: Move) -> None:
    """The source follows the target then; what is wrong is said of the side that follows."""
    switched(move)
    move.on_target("INSERT INTO ledger (n) SELECT generate_series(1, 500)")
    result = online(move)
    assert result["report"]["direction"] == "target to source"
    assert result["report"]["verdict"] == "the same"
    ledger = next(table for table in result["report"]["tables"] if table["name"] == "public.ledger")
    assert ledger["rows"][0] >= 500
    name = move.context().names.verify_slot
    assert move.on_target(f"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{name}'") == [(1,)]
    move.on_source(
        "SET transaction_read_only = off; SET session_replication_role = replica; DELETE FROM ledger WHERE n = 7"
    )
    with pytest.raises(DifferenceError) as caught:
        online(move)
    assert caught.value.differences == ["table public.ledger: row (n=7) is missing on the source"]
    assert move.on_target(f"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{name}'") == [(0,)]
