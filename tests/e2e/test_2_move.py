"""The stage single, its life going on in the stage managed while people buy, and the way back."""

from __future__ import annotations

import json
import re

import boto3
import pytest

from tests.e2e import canary
from tests.e2e.shoppers import Shoppers
from tests.e2e.support import LOGS, ROOT, address_of, environment, on_host, run, run_and_kill_at

MOVE = "playbooks/migrate_postgres.yml"
LONGEST = 1.5  # seconds that anybody waits, on a machine that has nothing else to do; 0.5 are usual
STEP = "postgres_migration : verb | Do {}]"
# YAML doubles an apostrophe.
UNVERIFIED = re.compile(
    r"(\w+ to \w+) \S+(?: \(subscription\))?: the server'{1,2}s certificate is not verified on this leg"
)
FORETOLD = (
    "The target does not exist before the first real run; the move would begin from tiketi/single/postgres: "
    r"\d+ tables, \d+ MiB, about \d+ rows; seed about \d+ s, comparison about \d+ s, freeze about \d\.\d s\. "
    r"Redis would move along from tiketi/single/redis: \d+ keys of state, about \d+ MiB of state; copy about \d+ s, freeze about \d\.\d s"
)
WAY_BACK = (
    'podman exec --user=postgres stores-postgres-1 psql -XAtq --username=platform_admin --dbname=tiketi --command="SELECT'
    " substring(subconninfo FROM 'sslmode=[^ ]+'), substring(subconninfo FROM 'sslrootcert=[^ ]+') FROM pg_subscription\""
)


def clusters() -> list[str]:
    env = environment()
    rds = boto3.client(
        "rds", env["AWS_REGION"], endpoint_url=env["AWS_ENDPOINT_URL"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    return [str(row["DBClusterIdentifier"]) for row in rds.describe_db_clusters()["DBClusters"]]


@pytest.fixture(scope="module")
def address() -> str:
    return address_of("app-1")


def test_one_host_comes_up_and_stays() -> None:
    first = run(name="single", stage="single", timeout=1200)
    assert first.code == 0, first.tail()
    assert any(line.startswith("edge, API: 200") for line in first.summary["proved"]), first.summary
    again = run(name="single-again", stage="single")
    assert (again.code, again.changed) == (0, 0), again.tail()
    dry = run("--check", "--diff", name="single-check", stage="single")
    assert (dry.code, dry.changed) == (0, 0), dry.tail()


def test_it_stands_the_load() -> None:
    asked = run(name="single-load", stage="single", playbook="playbooks/load_check.yml")
    assert asked.code == 0, asked.tail()
    assert any("1000 of 1000 requests as expected" in line for line in asked.summary["proved"]), asked.summary


STATE = (
    "sha256sum /etc/pgbouncer/* /etc/redis-proxy/* /etc/platform-postgres-ca.pem /srv/stores/load/* | sort;"
    " podman ps --all --quiet --no-trunc | sort"
)


def test_a_dry_run_of_the_move_says_what_would_be_and_touches_nothing() -> None:
    before = on_host(STATE)
    dry = run("--check", "--diff", name="managed-check-before", stage="managed")
    assert dry.code == 0, dry.tail()
    text = " ".join(dry.output.split())
    assert re.search(FORETOLD, text), dry.tail()
    for words in ("the move would begin from", "Redis would move along from"):
        assert any(words in line for line in dry.summary["next_steps"]), dry.summary
    assert on_host(STATE) == before
    assert not [one for one in clusters() if "managed" in one]


@pytest.mark.full
def test_the_move_alone_makes_its_new_side_and_then_finds_it() -> None:
    """By a tag, from the stage before: the stores, and a pooler and a proxy that trust them. Nothing is moved yet."""
    first = run("--tags", "preflight", name="managed-alone", stage="managed", playbook=MOVE, timeout=1200)
    assert first.code == 0, first.tail()
    assert [one for one in clusters() if "managed" in one]
    again = run("--tags", "preflight", name="managed-alone-again", stage="managed", playbook=MOVE)
    assert (again.code, again.changed) == (0, 0), again.tail()
    phases = [phase["name"] for phase in again.summary["phases"]]
    assert {"Pooler", "Migration"} <= set(phases), phases
    assert not {"Images", "Edge"} & set(phases), phases


def test_data_moves_while_people_buy_and_the_controller_is_lost_twice(address: str) -> None:
    """Once in the copy, once about the freeze; what was begun is gone on with, and nobody notices."""
    with Shoppers(address) as shoppers:
        for what, after in (("seed", 3.0), ("cutover", 1.0)):
            name = f"managed-killed-in-{what}"
            assert run_and_kill_at(STEP.format(what), after=after, stage="managed", name=name), (
                f"over before its {what}"
            )
        watcher = canary.CommandLines(canary.patterns(canary.secrets()))
        watcher.start()
        moved = run("-vvv", "--diff", name="managed", stage="managed", timeout=1200)
        watcher.stop()
    print(f"managed, the last of three runs: {moved.seconds:.0f} s; {shoppers.told}")
    assert moved.code == 0, moved.tail()
    assert shoppers.failed == []
    assert shoppers.missing() == []
    assert shoppers.lost_places() == []
    # A cutover that its killed run had ended already, on its host, was no longer this one's to show.
    if " after a gap of " in moved.output:
        assert re.search(r"^  cutover: users work", moved.output, re.M)
    decisions = [line for line in moved.summary["next_steps"] if "migration_step=" in line]
    assert [line.startswith("the old database follows") for line in decisions] == [True], decisions
    assert len(shoppers.acknowledged) > 100
    assert len(shoppers.places) > 1
    assert shoppers.longest < LONGEST * shoppers.crowd, shoppers.told
    assert shoppers.longest_gap < LONGEST * shoppers.crowd, shoppers.told
    assert watcher.looks > 20
    assert not watcher.hits, f"secrets in the command line of {sorted(watcher.hits)}"


def test_one_leg_was_not_verified_and_the_output_named_it() -> None:
    """Said by the preflight, of the first run, and by the comparison, of the second. Aurora takes no authority for its subscription."""
    for killed in ("seed", "cutover"):
        text = " ".join((LOGS / f"e2e-managed-killed-in-{killed}.log").read_text(encoding="utf-8").split())
        assert set(UNVERIFIED.findall(text)) == {"target to source"}, killed
    assert on_host(WAY_BACK) == "sslmode=verify-full|sslrootcert=/load/target-ca.pem"


def test_what_was_compared_is_at_the_controller() -> None:
    folder = ROOT / ".state" / "managed"
    told = json.loads((folder / "postgres-report.json").read_text(encoding="utf-8"))
    assert told["verdict"] == "the same"
    assert told["rows"] > 1_000_000
    assert told["frozen"]["differences"] == []
    assert "reservations" in (folder / "postgres-report.html").read_text(encoding="utf-8")
    assert [(folder / f"postgres-report.{form}").stat().st_mode & 0o777 for form in ("json", "html")] == [0o600, 0o600]
    log = (LOGS / "e2e-managed.log").read_text(encoding="utf-8")
    assert f"{folder}/postgres-report.html" in log


def test_the_stage_before_refuses_to_come_up_beside_the_data_that_moved() -> None:
    """Else its role data_runner and its pooler would lose the authority that the living servers are verified by."""
    ca = "/etc/pgbouncer/server-ca.pem", "/etc/platform-postgres-ca.pem"
    before = on_host(f"sha256sum {' '.join(ca)} | sort")
    refused = run(name="single-after-the-move", stage="single")
    text = " ".join(refused.output.split())
    assert refused.code != 0
    assert refused.changed == 0, refused.tail()
    assert "database tiketi moved on " in text
    assert "Mend: use the inventory that declares these servers" in text
    assert "RESET" not in text
    assert on_host(f"sha256sum {' '.join(ca)} | sort") == before


@pytest.mark.full
def test_the_way_back_carries_what_was_bought_since(address: str) -> None:
    with Shoppers(address) as shoppers:
        back = run("-e", "migration_step=rollback", name="managed-rollback", stage="managed", playbook=MOVE)
    print(f"rollback: {back.seconds:.0f} s; {shoppers.told}")
    assert back.code == 0, back.tail()
    assert re.search(r"^  rollback: users work", back.output, re.M)
    assert "applications write to the source again" in back.output or "again after a gap" in back.output
    assert shoppers.failed == []
    assert shoppers.missing() == []
    assert shoppers.lost_places() == []
    assert shoppers.longest < LONGEST * shoppers.crowd, shoppers.told
