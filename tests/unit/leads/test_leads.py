"""An inventory of the time before a move is told from one of the time after it, by what stands on the host."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._leads.errors import LeadError
from ansible_collections.tiketi.platform.plugins.module_utils._leads.look import same_host
from ansible_collections.tiketi.platform.plugins.modules.stores_lead_info import run

OLD, AURORA, CACHE = "10.0.1.10", "aurora.example", "cache.example"
PROXY = "backend redis\n    server old 10.0.1.10:6379 ssl{}\n    server new cache.example:6379 ssl{}\n"


class Host:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def led_to(self, postgres: str, redis: str) -> None:
        (self.folder / "databases.ini").write_text(
            f"[databases]\ntiketi = host='{postgres}' port='5432' password='x'\nother = host=db9\n"
        )
        disabled = ("", " disabled") if redis == OLD else (" disabled", "")
        (self.folder / "haproxy.cfg").write_text(PROXY.format(*disabled))

    def moved(self, at: str) -> None:
        journal = self.folder / "moves" / "0123" / "journal.json"
        journal.parent.mkdir(parents=True)
        entries = {"source": f"{OLD}:5432/tiketi", "target": f"{AURORA}:5432/tiketi", "measured": {"at": at}}
        journal.write_text(json.dumps(entries))

    def asked(self, *declared: str) -> list[str]:
        found = run(
            {
                "declared": list(declared),
                "databases": ["tiketi"],
                "pooler_file": str(self.folder / "databases.ini"),
                "proxy_config": str(self.folder / "haproxy.cfg"),
                "migration_folders": [str(self.folder / "moves")],
            }
        )
        assert found["changed"] is False
        return list(found["elsewhere"])


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_a_host_without_these_files_is_free(host: Host) -> None:
    assert host.asked(OLD) == []


def test_before_a_move_and_after_its_way_back_the_old_inventory_is_right(host: Host) -> None:
    host.led_to(OLD, OLD)
    host.moved("2026-11-26T09:00:00Z")
    assert host.asked(OLD) == []


def test_after_a_move_the_old_inventory_is_told_where_to_and_when(host: Host) -> None:
    host.led_to(AURORA, CACHE)
    host.moved("2026-11-26T09:00:00Z")
    postgres, redis = host.asked(OLD)
    assert postgres.startswith("database tiketi moved on 2026-11-26T09:00:00Z to aurora.example:5432 (")
    assert redis.startswith("Redis is led to cache.example:6379 (")
    assert host.asked(AURORA, CACHE) == []


def test_a_journal_that_cannot_be_read_hides_nothing(host: Host) -> None:
    host.led_to(AURORA, OLD)
    host.moved("x")
    next(host.folder.glob("moves/*/*")).write_text("{")
    assert [line.split(" (")[0] for line in host.asked(OLD)] == ["database tiketi is led to aurora.example:5432"]


def test_a_file_that_cannot_be_understood_is_no_free_way(host: Host) -> None:
    host.led_to(OLD, OLD)
    (host.folder / "haproxy.cfg").write_text("backend redis\n")
    with pytest.raises(LeadError, match="Mend:"):
        host.asked(OLD)


def test_two_names_of_one_host_count_as_one() -> None:
    assert same_host("localhost", "127.0.0.1")
    assert not same_host(OLD, AURORA)
