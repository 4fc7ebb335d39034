"""The login of an application on a real server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.access_api import ensure
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError

from tests.integration.pg_clusters import PASSWORD, Cluster

APP_PASSWORD = "another one"  # noqa: S105 - of a server that lives for a minute

SCHEMA = """
CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, v text);
CREATE SEQUENCE numbers;
CREATE TABLE old_one (id serial);
CREATE MATERIALIZED VIEW sums AS SELECT count(*) AS n FROM t;
CREATE EXTENSION pg_trgm;
CREATE SCHEMA audit;
CREATE TABLE audit.log (i int);
"""


@pytest.fixture
def app(target: Cluster) -> Iterator[Endpoint]:
    with psycopg.connect(**target.endpoint("app").parameters(), password=PASSWORD, autocommit=True) as session:
        session.execute(SCHEMA)
    yield replace(target.endpoint("app"), username='the "app"', password=PASSWORD + "2")
    target.execute('DROP OWNED BY "the ""app"""', "app")
    target.execute('DROP ROLE "the ""app"""')


def as_app(app: Endpoint, statement: str) -> list[tuple]:
    with psycopg.connect(**app.parameters(), password=app.password, autocommit=True) as session:
        cursor = session.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_the_application_gets_what_it_needs_and_no_more_and_twice_is_once(target: Cluster, app: Endpoint) -> None:
    admin = target.endpoint("app")
    assert ensure(admin, app, ("public",), check=True)[0] == "create the role"
    assert ensure(admin, app, ("public",), check=False)
    assert ensure(admin, app, ("public",), check=False) == []

    target.execute("ALTER DATABASE app SET default_transaction_read_only TO on")
    with pytest.raises(PgError, match=r"closed to applications .* a finished one .* Mend: use the inventory") as caught:
        ensure(admin, app, ("public",), check=False)
    assert "RESET" not in str(caught.value), "that would let writers in at two places"
    with psycopg.connect(**admin.parameters(), password=PASSWORD, autocommit=True) as session:
        session.execute("SET default_transaction_read_only TO off")
        session.execute("CREATE SCHEMA platform_migration")
        session.execute(
            "CREATE TABLE platform_migration.state AS SELECT 'a:1/app' source, 'b:2/app' target, 'switched' phase"
        )
        with pytest.raises(PgError, match="moved away from a:1/app to b:2/app"):
            ensure(admin, app, ("public",), check=False)
        session.execute("DROP SCHEMA platform_migration CASCADE")
    assert ensure(admin, app, ("public",), check=True, closed=True) == []
    target.execute("ALTER DATABASE app RESET default_transaction_read_only")

    as_app(app, "INSERT INTO t (v) VALUES ('x')")
    as_app(app, "INSERT INTO old_one DEFAULT VALUES")
    assert as_app(app, "SELECT nextval('numbers'), n FROM sums") == [(1, 0)]
    for forbidden in ("DROP TABLE t", "CREATE TABLE mine (i int)", "SELECT * FROM audit.log", "TRUNCATE t"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_app(app, forbidden)

    with psycopg.connect(**admin.parameters(), password=admin.password, autocommit=True) as session:
        session.execute("CREATE TABLE later (i serial)")
    as_app(app, "INSERT INTO later DEFAULT VALUES")
    assert ensure(admin, app, ("public",), check=False) == []


def test_what_is_not_as_wanted_is_put_right(target: Cluster, app: Endpoint) -> None:
    admin = target.endpoint("app")
    ensure(admin, app, ("public",), check=False)
    before = target.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'the \"app\"'")
    assert before[0][0].startswith("SCRAM-SHA-256$")
    assert ensure(admin, replace(app, password=APP_PASSWORD), ("public",), check=False) == [
        "set the password of the secret"
    ]
    target.execute('ALTER ROLE "the ""app""" CREATEDB NOLOGIN')
    target.execute('REVOKE DELETE ON t FROM "the ""app"""', "app")
    done = ensure(target.endpoint("app", "postgres"), app, ("public",), check=False)
    assert "let it log in" in done
    assert "take back what an application does not need" in done
    assert "grant on public.t" in done
    as_app(app, "DELETE FROM t")


def test_a_wrong_schema_is_named(target: Cluster, app: Endpoint) -> None:
    with pytest.raises(PgError, match="schema nowhere is not in"):
        ensure(target.endpoint("app"), app, ("public", "nowhere"), check=False)
    ensure(target.endpoint("app"), app, ("public",), check=False)


def test_the_password_is_in_no_log_of_the_server(target: Cluster, app: Endpoint) -> None:
    target.execute("ALTER SYSTEM SET log_statement = 'all'")
    target.execute("SELECT pg_reload_conf()")
    try:
        ensure(target.endpoint("app"), app, ("public",), check=False)
    finally:
        target.execute("ALTER SYSTEM RESET log_statement")
        target.execute("SELECT pg_reload_conf()")
    log = (target.data / "log").read_text()
    assert "PASSWORD 'SCRAM-SHA-256$" in log
    assert app.password not in log
