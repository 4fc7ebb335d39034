"""A move between two real servers, by a login that is no superuser, with every trap in its way."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgConnectError, PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.errors import (
    RestoreRefusedError,
    VerificationError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Options
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.run import restore

from tests.integration.pg_clusters import PASSWORD, Cluster, run_psql
from tests.waiting import until

HERE = Path(__file__).parent
ROWS = 20_000


@pytest.fixture(scope="module")
def old(clusters: tuple[Cluster, Cluster]) -> Cluster:
    """The source with its traps, made once; tests that write to it take that back."""
    cluster = clusters[0]
    cluster.execute("CREATE DATABASE shop")
    run_psql(cluster, "shop", HERE / "traps.sql", rows=str(ROWS))
    return cluster


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "work"


class Move:
    def __init__(self, old: Cluster, target: Cluster, folder: Path) -> None:
        self.source = old.endpoint("shop", "postgres")
        self.target = target.endpoint("app")
        self.folder = folder

    def __call__(self, step: str = "all", check: bool = False, **options: Any) -> dict[str, Any]:
        return restore(self.source, self.target, self.folder, Options(jobs=2, lock_wait=60, **options), step, check)


@pytest.fixture
def move(old: Cluster, target: Cluster, folder: Path) -> Move:
    return Move(old, target, folder)


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def test_moves_every_trap_and_a_second_run_does_nothing(move: Move, target: Cluster) -> None:
    planned = move(check=True)
    assert planned["changed"]
    assert planned["remaining"] == ["dump", "restore", "verify"]
    assert not move.folder.exists(), "check mode wrote to the runner"

    done = move()
    assert done["changed"]
    assert done["phase"] == "finished"
    report = done["report"]
    assert report["rows"] == ROWS + 500 + 300 + 40 + 10 + 50 + 20 + 30 + 30
    assert {table["method"] for table in report["tables"].values()} == {"columns"}
    assert report["large_objects"]["count"] == 2
    assert any("EVENT TRIGGER" in entry for entry in report["left_out"])
    assert any("event trigger guard" in notice for notice in done["notices"])
    assert target.execute("SELECT count(*) FROM sales", "app")[0][0] > 0
    assert target.execute("SELECT nextval('bookings_id_seq')", "app") == [(ROWS + 1,)]
    owners = target.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", "app")
    assert owners == [("master",)]

    began = time.monotonic()
    again = move()
    assert time.monotonic() - began < 2
    assert not again["changed"]
    assert again["message"] == "already moved and verified"
    assert again["report"] == report, "the target keeps the report"


def test_leaves_neither_data_nor_password_on_the_runner(move: Move) -> None:
    move("dump")
    assert stat.S_IMODE(next(move.folder.iterdir()).stat().st_mode) == 0o700
    move()
    assert not list(move.folder.rglob("toc.dat"))
    assert not list(move.folder.rglob("*.connection"))
    for path in files_below(move.folder):
        assert PASSWORD not in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE users SET born = born + 1 WHERE id = 7", "table public.users: 500 rows on both sides"),
        ("UPDATE users SET email = upper(email) WHERE id = 7", "table public.users: 500 rows on both sides"),
        ("UPDATE bookings SET state = 'held' WHERE id = 3", "but their content differs"),
        (
            "UPDATE events SET lasts = interval '1 day' WHERE lasts = interval '24 hours'",
            "table public.events: 300 rows on both",
        ),
        (
            "UPDATE log SET n = 1.500 WHERE ctid = (SELECT max(ctid) FROM log)",
            "table public.log: 40 rows on both sides",
        ),
        ("DELETE FROM bookings WHERE id = 3", "rows on the source"),
        (
            "INSERT INTO empty_one VALUES (1)",
            "table public.empty_one: 0 rows on the source, 1 on the target (1 too many)",
        ),
        ("SELECT setval('users_id_seq', 3)", "sequence public.users_id_seq stands at 500 on the source, at 3"),
        ("DROP INDEX events_trgm", "index public.events_trgm is missing"),
        ("ALTER TABLE users DROP CONSTRAINT users_email_key", "constraint users_email_key of public.users is missing"),
        ("SELECT lo_put(max(oid), 0, 'X') FROM pg_largeobject_metadata", "large objects: 2 on both sides"),
        ("REFRESH MATERIALIZED VIEW sales WITH NO DATA", "materialised view public.sales is not populated"),
        ("ALTER TABLE secrets DISABLE ROW LEVEL SECURITY", "relation public.secrets is defined differently"),
        ("DROP TRIGGER no_insert ON log", "trigger no_insert of public.log is missing"),
        ("ALTER TABLE log ALTER n SET DEFAULT 5", "relation public.log is defined differently"),
    ],
)
@pytest.mark.fewer(5)
def test_an_altered_target_is_found(moved_once: Move, target_of: Cluster, statement: str, said: str) -> None:
    """On the one finished copy: each fault is made, must be named, and is taken back by copying the database."""
    target_of.execute("DROP DATABASE IF EXISTS app WITH (FORCE)")
    target_of.execute("CREATE DATABASE app TEMPLATE pristine OWNER master")
    target_of.execute(statement, "app")
    with pytest.raises(VerificationError) as caught:
        moved_once(verify="always")
    assert said in str(caught.value)


@pytest.fixture(scope="module")
def target_of(clusters: tuple[Cluster, Cluster]) -> Cluster:
    return clusters[1]


@pytest.fixture(scope="module")
def moved_once(old: Cluster, target_of: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Move:
    target_of.execute("DROP DATABASE IF EXISTS app WITH (FORCE)")
    target_of.execute("CREATE DATABASE app OWNER master")
    move = Move(old, target_of, tmp_path_factory.mktemp("once") / "work")
    move()
    assert move(verify="always")["changed"] is False
    target_of.execute("DROP DATABASE IF EXISTS pristine WITH (FORCE)")
    target_of.execute("CREATE DATABASE pristine TEMPLATE app")
    return move


def test_a_fault_between_restore_and_verify_rejects_the_copy_and_the_next_run_makes_a_new_one(
    move: Move, target: Cluster
) -> None:
    move("dump")
    move("restore")
    target.execute("DELETE FROM log WHERE ctid = (SELECT min(ctid) FROM log)", "app")
    with pytest.raises(VerificationError, match="39 on the target"):
        move("verify")
    assert move()["phase"] == "finished"
    assert target.execute("SELECT count(*) FROM log", "app") == [(40,)]


def test_writes_after_the_dump_are_refused_unless_it_is_a_rehearsal(move: Move, old: Cluster) -> None:
    move("dump")
    old.execute("INSERT INTO users (email) VALUES ('late@example.org')", "shop")
    try:
        with pytest.raises(VerificationError, match=r"users: 500 rows in the dump, 501 now"):
            move()
        move("dump")
        old.execute("UPDATE users SET born = '2000-01-01' WHERE email = 'late@example.org'", "shop")
        done = move(source_writes="allow")
        assert done["phase"] == "finished"
        assert done["report"]["written_since"]
    finally:
        old.execute("DELETE FROM users WHERE email = 'late@example.org'", "shop")


def test_a_target_with_anything_in_it_is_refused_and_untouched(move: Move, target: Cluster) -> None:
    target.execute("CREATE TABLE theirs AS SELECT 1 AS i", "app")
    for check in (True, False):
        with pytest.raises(RestoreRefusedError, match=r"not empty \(table public.theirs\)"):
            move(check=check)
    assert target.execute("SELECT i FROM theirs", "app") == [(1,)]


def test_the_same_database_under_another_name_is_refused(old: Cluster, folder: Path) -> None:
    here = old.endpoint("shop", "postgres")
    there = Endpoint("target", "127.0.0.1", here.port, "shop", "postgres", "admin", "verify-full", here.ca_file)
    with pytest.raises(RestoreRefusedError, match="same database"):
        restore(here, there, folder, Options(jobs=2), "plan", False)


def test_all_findings_come_at_once(old: Cluster, target: Cluster, folder: Path) -> None:
    old.execute("CREATE EXTENSION pageinspect", "shop")
    old.execute("CREATE ROLE auditor", "shop")
    old.execute("CREATE POLICY audit ON secrets TO auditor USING (true)", "shop")
    target.execute("ALTER DATABASE app OWNER TO postgres")
    target.execute("GRANT CONNECT ON DATABASE app TO master")
    try:
        with pytest.raises(RestoreRefusedError) as caught:
            restore(old.endpoint("shop", "postgres"), target.endpoint("app"), folder, Options(jobs=200), "all", False)
    finally:
        old.execute("DROP EXTENSION pageinspect", "shop")
        old.execute("DROP POLICY audit ON secrets", "shop")
        old.execute("DROP ROLE auditor", "shop")
    said = " ".join(caught.value.findings)
    for part in (
        "extension pageinspect",
        "role auditor",
        "may not create schemas",
        "schema public",
        "connections are free",
    ):
        assert part in said
    assert all("Mend:" in finding for finding in caught.value.findings)


def test_a_source_login_that_cannot_read_everything_is_refused(old: Cluster, target: Cluster, folder: Path) -> None:
    with pytest.raises(RestoreRefusedError) as caught:
        restore(old.endpoint("shop", "master"), target.endpoint("app"), folder, Options(jobs=2), "plan", False)
    said = " ".join(caught.value.findings)
    assert "source public.users: the source's login may not read it" in said
    assert "source large object" in said
    assert "source table public.secrets: row level security hides rows" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ca_file": "other"}, "certificate verify failed"),
        ({"ca_file": "/nowhere.pem"}, "the CA file /nowhere.pem is not there"),
        ({"password": "wrong"}, "password authentication failed"),
        ({"dbname": "nowhere"}, "does not exist"),
        ({"port": 1}, "refused"),
    ],
)
@pytest.mark.fewer(2)
def test_what_cannot_be_reached_is_said_with_its_mend(
    move: Move, target: Cluster, change: dict[str, Any], said: str
) -> None:
    if change.get("ca_file") == "other":
        change = {"ca_file": str(target.other_ca_file)}
    move.target = Endpoint(**{**move.target.__dict__, **change})
    with pytest.raises(PgConnectError) as caught:
        move()
    assert said in str(caught.value)
    assert "Mend:" in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_a_leg_without_verification_is_named(move: Move) -> None:
    move.source = Endpoint(**{**move.source.__dict__, "sslmode": "require"})
    assert any("source" in notice and "not verified" in notice for notice in move("plan")["notices"])


def test_a_foreign_journal_does_not_touch_a_half_made_target(move: Move, folder: Path) -> None:
    move("dump")
    move("restore")
    stranger = Move.__new__(Move)
    stranger.source, stranger.target, stranger.folder = move.source, move.target, folder.parent / "elsewhere"
    with pytest.raises(RestoreRefusedError, match="its journal is not here"):
        stranger()
    assert move()["phase"] == "finished"


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Options
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.run import restore
source, target = Endpoint(**{source!r}), Endpoint(**{target!r})
restore(source, target, Path({folder!r}), Options(jobs=2), "all", False)
"""


@pytest.mark.parametrize("sign", ["*.connection", "toc.dat", "pre-data.log", "data.log", "post-data.log"])
@pytest.mark.fewer(2)
def test_killed_at_any_point_the_next_run_finishes(move: Move, target: Cluster, sign: str) -> None:
    """kill -9 as soon as a phase leaves its first trace; then the same command again."""
    script = KILLED.format(
        path=sys.path, source=move.source.__dict__, target=move.target.__dict__, folder=str(move.folder)
    )
    process = subprocess.Popen([sys.executable, "-"], stdin=subprocess.PIPE, text=True)
    assert process.stdin
    process.stdin.write(script)
    process.stdin.close()
    until(lambda: process.poll() is not None or list(move.folder.rglob(sign)), pause=0.002)
    assert process.poll() is None, "it ended before it could be killed"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = move()
    assert done["phase"] == "finished"
    assert target.execute("SELECT count(*) FROM bookings", "app") == [(ROWS,)]
    assert not list(move.folder.rglob("*.connection"))


def test_a_restore_stops_on_the_first_error_and_a_mended_run_goes_on(move: Move, target: Cluster) -> None:
    """A constraint that the data do not meet on the way in: pg_restore must not carry on past it."""
    move("dump")
    listing = next(move.folder.rglob("toc.dat")).parent
    victim = next(
        path
        for path in sorted(listing.glob("*.dat"))
        if path.name != "toc.dat" and b"@example.org" in path.read_bytes()
    )
    good = victim.read_bytes()
    victim.write_bytes(good.replace(b"User2@", b"User1@", 1))
    with pytest.raises(PgError, match="pg_restore ended with"):
        move("restore")
    victim.write_bytes(good)
    assert move()["phase"] == "finished"


def test_text_in_another_encoding_is_the_same_text(clusters: tuple[Cluster, Cluster], folder: Path) -> None:
    """Other bytes on each side; what is another text is found all the same."""
    for cluster, encoding, owner in zip(clusters, ("LATIN1", "UTF8"), ("postgres", "master"), strict=True):
        cluster.execute("DROP DATABASE IF EXISTS words WITH (FORCE)")
        cluster.execute(
            f"CREATE DATABASE words OWNER {owner} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    old, new = clusters
    old.execute(
        "CREATE TABLE word (id int PRIMARY KEY, word text, data json);"
        """ INSERT INTO word SELECT i, chr(192 + i % 60) || i, json_build_object('w', chr(233)) FROM generate_series(1, 500) i""",
        "words",
    )
    ends = old.endpoint("words", "postgres"), new.endpoint("words")
    done = restore(*ends, folder, Options(jobs=2, lock_wait=60), "all", False)
    assert done["phase"] == "finished"
    assert done["report"]["tables"]["public.word"]["method"] == "text in UTF8"
    assert old.execute("SELECT word FROM word WHERE id = 7", "words") == new.execute(
        "SELECT word FROM word WHERE id = 7", "words"
    )
    new.execute("UPDATE word SET word = chr(254) WHERE id = 7", "words")
    with pytest.raises(VerificationError, match=r"public.word: 500 rows on both sides, but their content differs"):
        restore(*ends, folder, Options(jobs=2, lock_wait=60, verify="always"), "all", False)
