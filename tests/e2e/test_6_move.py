"""The stage single, and its life going on in the stage managed while people buy."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from tests.e2e import canary
from tests.e2e.shoppers import Shoppers
from tests.e2e.support import environment, run, run_and_kill_at

STEP = "postgres_migration : verb | Do {}]"


@pytest.fixture(scope="module")
def address() -> str:
    """Of the host with the application, as the inventory finds it."""
    found = subprocess.run(
        ["ansible-inventory", "-i", "inventories/managed", "-e", "@.sandbox/vars.yml", "--host", "app-1"],
        env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return str(json.loads(found.stdout)["ansible_host"])


def told(shoppers: Shoppers) -> str:
    return (
        f"{len(shoppers.acknowledged)} reservations, longest wait {shoppers.longest:.2f} s,"
        f" longest time without an answer {shoppers.longest_gap:.2f} s"
    )


def test_one_host_comes_up_and_stays() -> None:
    first = run(name="single", stage="single", timeout=1200)
    assert first.code == 0, first.tail()
    again = run(name="single-again", stage="single")
    assert (again.code, again.changed) == (0, 0), again.tail()
    dry = run("--check", "--diff", name="single-check", stage="single")
    assert (dry.code, dry.changed) == (0, 0), dry.tail()


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
    print(f"managed, the last of three runs: {moved.seconds:.0f} s; {told(shoppers)}")
    assert moved.code == 0, moved.tail()
    assert shoppers.failed == []
    assert shoppers.missing() == []
    assert len(shoppers.acknowledged) > 100
    assert watcher.looks > 20
    assert not watcher.hits, f"secrets in the command line of {sorted(watcher.hits)}"


def test_a_finished_move_is_left_alone() -> None:
    again = run(name="managed-again", stage="managed")
    assert (again.code, again.changed) == (0, 0), again.tail()
    dry = run("--check", "--diff", name="managed-check", stage="managed")
    assert (dry.code, dry.changed) == (0, 0), dry.tail()


def test_a_cluster_goes_on_with_the_same_rows(address: str) -> None:
    onward = ("-e", "platform_data_stage=managed")
    with Shoppers(address) as shoppers:
        first = run(*onward, name="onward")
    print(f"the cluster on the data of managed: {first.seconds:.0f} s; {told(shoppers)}")
    assert first.code == 0, first.tail()
    assert shoppers.failed == []
    ingress = next(
        urlsplit(url) for line in first.summary["proved"] for url in re.findall(r"http://\S+/api/v1/events", line)
    )
    # Bought at the old host, seen through the cluster; and the other way round, with the same session.
    there = replace(shoppers, host=str(ingress.hostname), port=ingress.port or 80)
    assert there.missing() == []
    with Shoppers(there.host, there.port) as others:
        time.sleep(2)
    assert others.failed == []
    assert replace(others, host=address, port=3001).missing() == []
    again = run(*onward, name="onward-again")
    assert (again.code, again.changed) == (0, 0), again.tail()


def test_the_way_back_carries_what_was_bought_since(address: str) -> None:
    with Shoppers(address) as shoppers:
        back = run(
            "-e",
            "migration_step=rollback",
            name="managed-rollback",
            stage="managed",
            playbook="playbooks/migrate_postgres.yml",
        )
    print(f"rollback: {back.seconds:.0f} s; {told(shoppers)}")
    assert back.code == 0, back.tail()
    assert "applications write to the source again" in back.output or "again after a gap" in back.output
    assert shoppers.failed == []
    assert shoppers.missing() == []
