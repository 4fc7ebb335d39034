"""The stage single, and its life going on in the stage managed while people buy."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.e2e.shoppers import Shoppers
from tests.e2e.support import environment, run

SWITCHED = "applications write to"


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


def test_data_moves_while_people_buy(address: str) -> None:
    with Shoppers(address) as shoppers:
        moved = run(name="managed", stage="managed", timeout=1200)
    print(f"managed: {moved.seconds:.0f} s; {told(shoppers)}")
    assert moved.code == 0, moved.tail()
    assert SWITCHED in moved.output
    assert shoppers.failed == []
    assert shoppers.missing() == []
    assert len(shoppers.acknowledged) > 100


def test_a_finished_move_is_left_alone() -> None:
    again = run(name="managed-again", stage="managed")
    assert (again.code, again.changed) == (0, 0), again.tail()
    dry = run("--check", "--diff", name="managed-check", stage="managed")
    assert (dry.code, dry.changed) == (0, 0), dry.tail()


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
