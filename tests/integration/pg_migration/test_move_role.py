"""The role of a move as playbooks use it: what a dry run says, the whole way, and what a run brings that a killed one left."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.pg_clusters import PASSWORD
from tests.integration.pg_migration.conftest import Move
from tests.integration.pg_migration.moving import GRANTS, LEDGER, sides
from tests.integration.role_play import play

ENDPOINT = ("host", "port", "dbname", "username", "password")


@pytest.fixture
def values(move: Move, tmp_path: Path) -> dict[str, Any]:
    ends = move.ends
    source, target = ({key: getattr(end, key) for key in ENDPOINT} for end in (ends.source, ends.target))
    peers = {
        side: {"host": peer.host, "port": peer.port, "username": peer.username, "password": peer.password, "ca_file": peer.ca_file}
        for side, peer in (("publisher", ends.publisher), ("returner", ends.returner))
    }  # fmt: skip
    return {
        "__postgres_migration_source": source,
        "__postgres_migration_target": target,
        "postgres_migration_database": {"host": target["host"], "port": target["port"], "name": target["dbname"], "secret": "x"},
        "postgres_migration_source_ca_file": ends.source.ca_file,
        "postgres_migration_target_ca_file": ends.target.ca_file,
        "postgres_migration_publisher": peers["publisher"],
        "postgres_migration_returner": peers["returner"],
        "postgres_migration_application_roles": ["shopper"],
        "postgres_migration_maintenance_work_mem": "64MB",
        "postgres_migration_jobs": 2,
        "postgres_migration_folder": f"{tmp_path}/work",
        "postgres_migration_report_dir": str(tmp_path),
        "platform_project": "p", "platform_region": "r", "platform_state_dir": str(tmp_path),
    }  # fmt: skip


def test_before_there_is_a_target_a_dry_run_says_how_long_it_would_take(
    move: Move, tmp_path: Path, values: dict[str, Any]
) -> None:
    """From the source alone; on a host that is not prepared yet, that nothing can be said."""
    move.on_source(LEDGER)
    move.on_source("INSERT INTO public.ledger SELECT generate_series(1, 300000)")
    move.on_source("ANALYZE public.ledger")
    lost = {"postgres_migration_source_ca_file": str(tmp_path / "not-there.pem")}
    refused = {"__postgres_migration_source": {**values["__postgres_migration_source"], "password": "not the one"}}
    values |= {
        "postgres_migration_database": {"host": "", "secret": "x"},
        "postgres_migration_source_secret": "old/postgres",
    }
    code, changed, said = play(tmp_path, "postgres_migration", "main.yml", values, "--check", "--diff", each=({}, {}))
    told = " ".join(said.split())
    assert (code, changed) == (0, 0), said
    assert (
        told.count("The target does not exist before the first real run; the move would begin from old/postgres: ") == 1
    ), said
    assert re.search(
        r"tables, \d\d MiB, about \d{6,} rows; seed about \d+ s, comparison about [1-9]\d* s, freeze about 0\.\d s",
        told,
    ), said
    for wrong, words in (
        (lost, "this host is not prepared yet (role data_runner), so nothing can be estimated"),
        (refused, "password authentication failed"),
    ):
        code, _, said = play(tmp_path, "postgres_migration", "main.yml", values | wrong, "--check", "--diff")
        assert words in " ".join(said.split()), said
        assert code == (2 if wrong is refused else 0), said
        assert PASSWORD not in said
        assert "not the one" not in said
    assert not (tmp_path / "work").exists()


def test_a_dry_run_the_whole_way_and_a_report_that_a_killed_run_did_not_bring(
    move: Move, tmp_path: Path, values: dict[str, Any]
) -> None:
    def run(*arguments: str, each: tuple[dict[str, Any], ...] = ({},)) -> tuple[int, str]:
        code, changed, said = play(tmp_path, "postgres_migration", "main.yml", values, *arguments, each=each)
        said = " ".join(said.split())
        assert PASSWORD not in said
        assert code == 0, said
        return changed, said

    move.on_source(LEDGER)
    move.on_source(GRANTS)
    changed, said = run("--check", "--diff")
    assert "the move can begin: " in said
    assert "seed about " in said
    assert "freeze about " in said
    assert not (tmp_path / "work").exists()
    assert move.on_target("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]

    changed, said = run(each=({"postgres_migration_until": "verify"},))
    assert changed >= 2, said  # the copy, and what follows it
    assert "the cutover is next" in said
    # Rights are not moved: role postgres_access gives them, on a database that is still closed to writers.
    move.on_target(f"BEGIN READ WRITE; {GRANTS}; COMMIT")
    changed, said = run()
    assert changed == 1, said
    assert sides(move) == (False, True)
    assert "migration_step=rollback leads back to it" in said
    report = tmp_path / "postgres-report.json"
    assert json.loads(report.read_text())["differences"] == []
    assert oct(report.stat().st_mode)[-3:] == "600"

    # As a run that is killed between the comparison and its report leaves it.
    report.write_text("{}")
    changed, said = run()
    assert changed == 0, said
    assert "migration_step=rollback leads back to it" in said
    assert json.loads(report.read_text())["frozen"] is not None
