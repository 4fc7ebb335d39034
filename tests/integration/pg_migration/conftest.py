"""Two servers that replicate logically, and moves between them."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import launch
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context, make
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Ends, Peer, Settings

from tests import waiting
from tests.integration.pg_clusters import BIN, DATABASE, PASSWORD, Cluster, make_clusters, run_psql

TRAPS = Path(__file__).parent.parent / "postgres" / "traps.sql"
SETTINGS = ("wal_level=logical", "max_replication_slots=20", "max_wal_senders=20", "max_logical_replication_workers=8",
            "max_worker_processes=16", "wal_receiver_status_interval=1", "wal_retrieve_retry_interval=200",
            "shared_preload_libraries=pg_stat_statements")  # fmt: skip
TEMPLATES = {"app": "app_template", "shop": "shop_template"}  # what users run; every trap
TRAP_ROWS = 3000
SCALE = 4000  # reservations of the example

LEFTOVERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'platform_migration/%' AND pid <> pg_backend_pid();
"""


BIG = """
CREATE TABLE big (id int PRIMARY KEY, a text, b numeric, at timestamptz);
INSERT INTO big SELECT i, repeat(md5(i::text), 3), i / 7.0, timestamptz '2026-01-01' + i * interval '1 s' FROM generate_series(1, 60000) i;
CREATE INDEX big_a ON big (a); CREATE INDEX big_at ON big (at); GRANT ALL ON big TO shopper
"""


def until(true: Callable[[], Any], seconds: float = waiting.PATIENCE) -> Any:
    """As tests.waiting, of a server that may be down for a while."""

    def found() -> Any:
        with contextlib.suppress(psycopg.Error):
            return true()

    return waiting.until(found, seconds=seconds)


@pytest.fixture(scope="session")
def clusters() -> Iterator[tuple[Cluster, Cluster]]:
    if not (BIN / "initdb").exists():
        pytest.fail("these tests start servers of their own: apt-get install postgresql-15")
    with make_clusters(*SETTINGS) as pair:
        for cluster in pair:
            # On Aurora rds_superuser may make subscriptions; on plain PostgreSQL 15 only a superuser may.
            cluster.execute("ALTER ROLE master SUPERUSER")
            cluster.execute("CREATE ROLE mover LOGIN REPLICATION")
            cluster.execute("CREATE ROLE shopper LOGIN")
            with cluster.admin() as session:
                for role in ("mover", "shopper"):
                    session.execute(
                        psycopg.sql.SQL("ALTER ROLE {} PASSWORD {}").format(psycopg.sql.Identifier(role), PASSWORD)
                    )
        source = pair[0]
        for template in TEMPLATES.values():
            source.execute(f"CREATE DATABASE {template}")
        run_psql(source, "app_template", DATABASE / "schema.sql", DATABASE / "seed.sql", scale=str(SCALE))
        run_psql(source, "shop_template", TRAPS, rows=str(TRAP_ROWS))
        for template in TEMPLATES.values():
            source.execute(
                "GRANT USAGE ON SCHEMA public TO shopper; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shopper;"
                "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO shopper",
                template,
            )
        yield pair


def peer(cluster: Cluster) -> Peer:
    """The server as the other one reaches it."""
    return Peer("127.0.0.1", cluster.port, "mover", PASSWORD, "verify-full", str(cluster.ca_file))


def databases(cluster: Cluster) -> list[str]:
    return [row[0] for row in cluster.execute("SELECT datname FROM pg_database WHERE datallowconn")]


def drop_replication(cluster: Cluster, dbname: str) -> None:
    """Subscriptions and slots stand in the way of DROP DATABASE."""
    with cluster.admin(dbname) as session:
        session.execute("SET default_transaction_read_only TO off")
        for (name,) in session.execute("SELECT quote_ident(subname) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid"
                                       " WHERE d.datname = current_database()").fetchall():  # fmt: skip
            session.execute(f"ALTER SUBSCRIPTION {name} DISABLE")
            session.execute(f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)")
            session.execute(f"DROP SUBSCRIPTION {name}")


def drop_slots(cluster: Cluster) -> None:
    with cluster.admin() as session:
        for name, pid in session.execute("SELECT slot_name, active_pid FROM pg_replication_slots").fetchall():
            if pid:
                session.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
            with contextlib.suppress(psycopg.errors.UndefinedObject):
                session.execute("SELECT pg_drop_replication_slot(%s)", (name,))


def clean(*pair: Cluster) -> None:
    """Nothing of an earlier test is left on the servers, whatever became of it."""
    for cluster in pair:
        cluster.execute(LEFTOVERS)
        for dbname in set(databases(cluster)) & set(TEMPLATES):
            drop_replication(cluster, dbname)
    for cluster in pair:
        drop_slots(cluster)
        for dbname in set(databases(cluster)) & set(TEMPLATES):
            cluster.execute(f"DROP DATABASE {dbname} WITH (FORCE)")
        cluster.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
        cluster.execute("SELECT pg_reload_conf()")
        cluster.execute("ALTER ROLE shopper LOGIN")
        cluster.execute("ALTER ROLE master SUPERUSER")


@dataclass
class Move:
    """One move between the two servers, as the module would be given it."""

    source: Cluster
    target: Cluster
    dbname: str
    folder: Path

    @property
    def ends(self) -> Ends:
        return Ends(
            replace(self.source.endpoint(self.dbname, "postgres"), side="source"),
            replace(self.target.endpoint(self.dbname), side="target"),
            peer(self.source),
            peer(self.target),
        )

    def settings(self, **settings: Any) -> Settings:
        known = {"folder": str(self.folder / "work"), "run_folder": str(self.folder / "run"), "jobs": 2, "lock_wait": 20.0,
                 "maintenance_work_mem": "64MB", "application_roles": ("shopper",)}  # fmt: skip
        return Settings(**{**known, **settings})

    def context(self, **settings: Any) -> Context:
        """Not opened: for looking on. A verb wants `opened`."""
        context = make(self.ends, self.settings(**settings))
        context.journal.load()
        return context

    @contextlib.contextmanager
    def opened(self, **settings: Any) -> Iterator[Context]:
        context = make(self.ends, self.settings(**settings))
        with context.journal.opened(context.settings.lock_wait):
            yield context

    def __call__(self, verb: Callable[..., dict[str, Any]], check: bool = False, **settings: Any) -> dict[str, Any]:
        """Run one verb as the module does."""
        with self.opened(**settings) as context:
            return verb(context, check)

    def on_source(self, statement: str) -> list[tuple[Any, ...]]:
        return self.source.execute(statement, self.dbname)

    def on_target(self, statement: str) -> list[tuple[Any, ...]]:
        return self.target.execute(statement, self.dbname)

    def same_rows(self) -> None:
        """Every row of every table, and no other, is on both sides."""
        here, there = rows_of(self.source, self.dbname), rows_of(self.target, self.dbname)
        assert here == there, {
            name: (here.get(name), there.get(name)) for name in here | there if here.get(name) != there.get(name)
        }

    def equal(self, query: str) -> None:
        """The same answer on both sides."""
        assert self.on_source(query) == self.on_target(query), query


ROWS = """
SELECT n.nspname || '.' || c.relname, format('SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM ONLY %s t', c.oid::regclass)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'platform_migration')
"""


def rows_of(cluster: Cluster, dbname: str) -> dict[str, tuple[int, str]]:
    """Count and digest of every table."""
    with cluster.admin(dbname) as session:
        session.execute("SET timezone TO 'UTC'")
        return {name: session.execute(query).fetchone() for name, query in session.execute(ROWS).fetchall()}


@pytest.fixture
def make_move(clusters: tuple[Cluster, Cluster], tmp_path: Path) -> Iterator[Callable[[str], Move]]:
    """A move of a fresh copy of `app` (the example's database) or `shop` (every trap) to an empty database."""
    made: list[Move] = []

    def build(dbname: str) -> Move:
        source, target = clusters
        source.execute(f"CREATE DATABASE {dbname} TEMPLATE {TEMPLATES[dbname]}")
        target.execute(f"CREATE DATABASE {dbname} OWNER master")
        made.append(Move(source, target, dbname, tmp_path))
        return made[-1]

    clean(*clusters)
    try:
        yield build
    finally:
        for move in made:
            launch.stop_all(move.context())
        clean(*clusters)
        shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def move(make_move: Callable[[str], Move]) -> Move:
    return make_move("app")


@pytest.fixture
def trap_move(make_move: Callable[[str], Move]) -> Move:
    return make_move("shop")


@pytest.fixture
def big_move(trap_move: Move) -> Move:
    """Every trap, and one table in many parts. What forbids writing to `log` is taken away."""
    trap_move.on_source("DROP TRIGGER no_insert ON log; DROP PUBLICATION everything")
    trap_move.on_source(BIG)
    return trap_move
