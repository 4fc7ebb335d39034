"""What the old servers say of who uses them, and the last backup of them: a real PostgreSQL 15 and a real Redis, both by TLS."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint as RedisEndpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link
from ansible_collections.tiketi.platform.plugins.module_utils._retire import backup, evidence
from ansible_collections.tiketi.platform.plugins.module_utils._retire.errors import RetireError

from tests.integration.pg_clusters import BIN, Cluster, make_clusters
from tests.integration.redis_servers import RedisServer, make_root, make_server, spare_port

TRAPS = ["we ird/name", "it's", "UPPER", "back\\slash"]
CLOSED = "ALTER DATABASE shop SET default_transaction_read_only TO on"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Cluster]:
    with make_clusters("wal_level=logical") as (source, _):
        source.execute("ALTER ROLE master SUPERUSER")
        source.execute("CREATE ROLE shopper LOGIN PASSWORD 'of the shopper'")
        for name in ("shop", *TRAPS):
            source.execute('CREATE DATABASE "{}"'.format(name.replace('"', '""')))
        source.execute("CREATE TABLE t AS SELECT i, md5(i::text) AS a FROM generate_series(1, 20000) i", "shop")
        source.execute("SELECT lo_from_bytea(0, 'large')", "shop")
        source.execute(CLOSED)
        yield source


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with make_root() as root, make_server(root, "source", tls=True) as server:
        server.rules = "+@all -@write"  # as a move leaves the source
        server.do("ACL", "SETUSER", "default", "reset", "on", f">{server.password}", "~*", "&*", "+@all", "-@write")
        server.do("SET", "queue", "x" * 100_000)
        yield server


@dataclass
class Local:
    """An engine whose containers are this machine."""

    kind: str

    def run(self, verb: str, _container: str, *argv: str, **_: Any) -> subprocess.CompletedProcess[str]:
        assert verb == "exec"
        return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.fixture
def engine(tmp_path: Path) -> Local:
    script = tmp_path / "engine"
    script.write_text('#!/bin/sh\nshift 2\nexec "$@"\n')
    script.chmod(0o700)
    return Local(str(script))


def test_sessions_slots_and_an_open_door_are_found(postgres: Cluster) -> None:
    where = postgres.endpoint("shop")
    quiet = evidence.ask_postgres(where)
    assert (quiet.reasons, quiet.major) == ((), 15)
    assert set(quiet.databases) == {"postgres", "shop", *TRAPS}
    assert quiet.bytes > 1024**2
    with postgres.admin("shop"):
        said = " ".join(evidence.ask_postgres(where).reasons)
        assert "of postgres at its socket (no name)" in said
    postgres.execute("SELECT pg_create_logical_replication_slot('platform_move_x', 'pgoutput')", "shop")
    postgres.execute("ALTER DATABASE shop RESET default_transaction_read_only")
    said = " ".join(evidence.ask_postgres(where).reasons)
    assert "for the slots platform_move_x" in said
    assert "is open to writers" in said
    postgres.execute("SELECT pg_drop_replication_slot('platform_move_x')", "shop")
    postgres.execute(CLOSED)
    assert evidence.ask_postgres(where).reasons == ()


def test_clients_of_redis_are_found(redis: RedisServer) -> None:
    assert evidence.ask_redis(redis.endpoint(), True).reasons == ()
    with Link(redis.endpoint()) as other:
        other.call("PING")
        assert "(ping)" in " ".join(evidence.ask_redis(redis.endpoint(), True).reasons)


def test_a_server_that_cannot_be_asked_is_a_reason(postgres: Cluster) -> None:
    port = spare_port()
    assert "cannot be asked" in evidence.ask_redis(RedisEndpoint("source", "localhost", port), True).reasons[0]
    where = postgres.endpoint("nowhere")
    assert "cannot be asked" in evidence.ask_postgres(where).reasons[0]


def test_the_backup_is_whole_private_and_can_be_restored(
    postgres: Cluster, redis: RedisServer, engine: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup.save_redis, "__defaults__", (str(redis.folder / "dump.rdb"),))
    place, where = tmp_path / "backup", postgres.endpoint("shop")
    found = evidence.ask_postgres(where)
    about = {"made": "now", "stage": "single"}
    known = {"where": redis.endpoint(), "engine": engine, "container": "stores-redis-1"}
    backup.make(place, {"where": where, "databases": found.databases, "client": BIN}, known, about)
    manifest = json.loads((place / "backup.json").read_text())
    assert {row["database"] for row in manifest["postgres"]["databases"]} == set(found.databases)
    assert (manifest["redis"]["keys"], manifest["redis"]["checked"]) == (1, True)
    assert (place.stat().st_mode & 0o777, [one for one in place.rglob("*") if one.stat().st_mode & 0o077]) == (
        0o700,
        [],
    )
    assert not list(place.rglob("*connection*"))
    assert not backup.partial(place).exists()
    assert "SCRAM-SHA-256" in (place / "postgres" / "globals.sql").read_text()
    shop = next(row for row in manifest["postgres"]["databases"] if row["database"] == "shop")
    told = subprocess.run(
        [str(BIN / "pg_restore"), "--file=-", str(place / shop["folder"])], capture_output=True, check=True
    )
    assert told.stdout.count(b"\n") > 20_000
    assert b"SELECT pg_catalog.lo_open" in told.stdout
    _break(redis)
    with pytest.raises(RetireError, match="BGSAVE"):
        backup.make(tmp_path / "second", {"where": where, "databases": ("shop",), "client": BIN}, known, about)
    assert not (tmp_path / "second").exists(), "a backup has its name only when it is whole"


def _break(redis: RedisServer) -> None:
    """Its file cannot be written any more."""
    (redis.folder / "dump.rdb").unlink()
    (redis.folder / "dump.rdb").mkdir()
