from __future__ import annotations

import re

import psycopg
from conftest import Postgres


def test_seeding_leaves_the_schema_as_written(postgres: Postgres, database: str) -> None:
    """The load takes keys and indexes off and puts them back: the very same ones."""
    postgres.create("plain")
    postgres.run("psql", "plain", "-q", "-f", "schema.sql")
    dumps = [
        re.sub(r"(?m)^\\(un)?restrict .*$", "", postgres.run("pg_dump", name, "-s", "--no-acl"))
        for name in ("plain", database)
    ]
    assert dumps[0] == dumps[1]


def test_seed_is_the_same_at_each_run(postgres: Postgres) -> None:
    dumps = []
    for name in ("once", "twice"):
        postgres.create(name)
        postgres.seed(name, scale=1000)
        dumps.append(re.sub(r"(?m)^\\(un)?restrict .*$", "", postgres.run("pg_dump", name, "-a")))
    assert dumps[0] == dumps[1]


def test_seed_has_what_makes_a_move_hard(postgres: Postgres, database: str) -> None:
    with psycopg.connect(postgres.dsn(database)) as connection:

        def number(query: str) -> int:
            row = connection.execute(query).fetchone()
            assert row is not None
            return int(row[0])

        assert number("SELECT count(*) FROM reservations") == 2000
        unpaid = "SELECT count(*) FROM reservations r LEFT JOIN payments p ON p.reservation_id = r.id"
        assert number(f"{unpaid} WHERE p.id IS NULL AND r.status <> 'expired'") == 0
        assert number("SELECT count(*) FROM pg_largeobject_metadata") == number("SELECT count(*) FROM venues")
        assert number("SELECT count(*) - count(DISTINCT s.*) FROM gate_scans s") > 0
        assert number("SELECT count(DISTINCT tableoid) FROM audit.changes") > 5
        # A sequence left behind would make the first sale after a move fail.
        assert number("SELECT last_value - max(id) FROM payments, payments_id_seq GROUP BY last_value") == 0
