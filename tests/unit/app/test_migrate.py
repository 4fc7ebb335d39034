"""The migration of the shop: what it changes, that it can be run again, and that it says why it failed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from conftest import SAMPLE, SIGNING_KEY, Postgres

Migrate = Callable[..., subprocess.CompletedProcess[str]]
Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def migrate(shop_python: Path, postgres: Postgres, database: str, tmp_path: Path) -> Migrate:
    key = tmp_path / "signing-key"
    key.write_text(SIGNING_KEY)

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PYTHONPATH": str(SAMPLE / "app"),
            "SERVICE": "reservation",
            "DATABASE_HOST": str(postgres.directory),
            "DATABASE_PORT": str(postgres.port),
            "DATABASE_NAME": database,
            "DATABASE_USER": "shop_app",
            "DATABASE_SSLMODE": "disable",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_TLS": "false",
            "SIGNING_KEY_FILE": str(key),
            **more,
        }
        command = [shop_python, "-m", "tiketi.migrate", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def hold(connection: Connection, key: str, expires: str) -> int:
    """A hold of the first seat that nobody has."""
    row = connection.execute(
        "INSERT INTO reservations (event_id, seat_id, user_id, status, price, idempotency_key, expires_at)"
        " SELECT e.id, s.id, (SELECT min(id) FROM users), 'pending', 1, %s, now() + %s::interval"
        " FROM events e JOIN seats s USING (venue_id)"
        " WHERE NOT EXISTS (SELECT FROM reservations r WHERE r.event_id = e.id AND r.seat_id = s.id) LIMIT 1 RETURNING id",
        (key, expires),
    ).fetchone()
    assert row is not None
    return int(str(row[0]))


def status(connection: Connection, one: int) -> object:
    row = connection.execute("SELECT status::text FROM reservations WHERE id = %s", (one,)).fetchone()
    assert row is not None
    return row[0]


def test_holds_that_ran_out_expire_once(migrate: Migrate, connection: Connection) -> None:
    overdue = [hold(connection, f"overdue-{n}", "-1 hour") for n in range(3)]
    fresh = hold(connection, "fresh-hold", "1 hour")
    try:
        first = migrate()
        assert (first.returncode, first.stdout) == (0, "expire-overdue-holds: 3 rows changed\n"), first.stderr
        assert {status(connection, one) for one in overdue} == {"expired"}
        assert status(connection, fresh) == "pending"
        again = migrate()
        assert (again.returncode, again.stdout) == (0, "expire-overdue-holds: 0 rows changed\n")
    finally:
        connection.execute("DELETE FROM reservations WHERE id = ANY(%s)", ([*overdue, fresh],))


def test_a_row_that_somebody_works_on_is_not_waited_for(
    migrate: Migrate, connection: Connection, postgres: Postgres, database: str
) -> None:
    one = hold(connection, "being-paid", "-1 hour")
    try:
        with psycopg.connect(postgres.dsn(database)) as buyer:
            buyer.execute("SELECT FROM reservations WHERE id = %s FOR UPDATE", (one,))
            assert migrate().returncode == 0
        assert status(connection, one) == "pending"
    finally:
        connection.execute("DELETE FROM reservations WHERE id = %s", (one,))


def test_what_went_wrong_is_said(migrate: Migrate) -> None:
    unknown = migrate("make-it-fast")
    assert (unknown.returncode, "there is no migration make-it-fast" in unknown.stderr) == (2, True)
    away = migrate(DATABASE_PORT="1")
    assert (away.returncode, "the migration failed: connection" in away.stderr) == (1, True), away.stderr
