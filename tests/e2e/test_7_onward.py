"""A move that was taken back is made once more, and a cluster goes on with its rows.

Needs: the stages single and managed as test_2_move leaves them: moved, or where all tests run, after the way back.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from tests.e2e.shoppers import Shoppers
from tests.e2e.support import address_of, run

MOVE = "playbooks/migrate_postgres.yml"
ONWARD = ("-e", "platform_data_stage=managed")


@pytest.fixture(scope="module")
def address() -> str:
    return address_of("app-1")


@pytest.mark.full
def test_a_move_that_was_taken_back_is_made_once_more(address: str) -> None:
    clean = ("-e", "migration_step=finish", "-e", json.dumps({"postgres_migration_clean_target": True}))
    restart = ("-e", json.dumps({"postgres_migration_restart": True}))
    with Shoppers(address) as shoppers:
        given_up = run(*clean, name="given-up", stage="managed", playbook=MOVE)
        assert given_up.code == 0, given_up.tail()
        moved = run(*restart, name="managed-once-more", stage="managed", timeout=1200)
    print(f"given up in {given_up.seconds:.0f} s, moved in {moved.seconds:.0f} s; {shoppers.told}")
    assert moved.code == 0, moved.tail()
    assert shoppers.failed == []
    assert shoppers.missing() == []
    assert shoppers.lost_places() == []


def test_a_moved_stage_is_left_alone() -> None:
    again = run(name="managed-again", stage="managed")
    assert (again.code, again.changed) == (0, 0), again.tail()
    dry = run("--check", "--diff", name="managed-check", stage="managed")
    assert (dry.code, dry.changed) == (0, 0), dry.tail()


def test_a_cluster_goes_on_with_the_same_rows(address: str) -> None:
    with Shoppers(address) as shoppers:
        first = run(*ONWARD, name="onward")
    print(f"the cluster on the data of managed: {first.seconds:.0f} s; {shoppers.told}")
    assert first.code == 0, first.tail()
    assert shoppers.failed == []
    ingress = next(
        urlsplit(url) for line in first.summary["proved"] for url in re.findall(r"http://\S+/api/v1/events", line)
    )
    # Bought at the old host, seen through the cluster; and the other way round.
    there = replace(shoppers, host=str(ingress.hostname), port=ingress.port or 80)
    assert there.missing() == []
    with Shoppers(there.host, there.port) as others:
        time.sleep(2)
    assert others.failed == []
    assert len(others.acknowledged) > 10
    assert replace(others, host=address, port=3001).missing() == []


@pytest.mark.full
def test_nothing_is_done_to_it_again() -> None:
    again = run(*ONWARD, name="onward-again")
    assert (again.code, again.changed) == (0, 0), again.tail()


@pytest.mark.full
def test_the_cluster_stands_the_load() -> None:
    asked = run(name="onward-load", playbook="playbooks/load_check.yml")
    assert asked.code == 0, asked.tail()
    assert any("1000 of 1000 requests as expected" in line for line in asked.summary["proved"]), asked.summary
