"""Which connection of the move of the stage managed is not verified: one, because Aurora takes no certificate authority."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.args import peer, peer_faults
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Ends
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import report

from tests.unit.inventory.stages import catalogue, rendered

STORES = Path("roles/compose_stores")


@pytest.fixture(scope="module")
def move() -> dict[str, Any]:
    """The options of role postgres_migration as the stage managed has them."""
    given = rendered(Path("inventories/managed"))["_meta"]["hostvars"]["app-1"]
    return {**catalogue().roles["postgres_migration"].defaults, **given}


def test_one_leg_of_the_stage_managed_is_not_verified_and_it_is_named(move: dict[str, Any]) -> None:
    sslmode, ca_file = move["postgres_migration_source_sslmode"], move["postgres_migration_source_ca_file"]
    source = Endpoint("source", "10.0.0.4", 5432, "shop", "old", "x", sslmode, ca_file)
    target = Endpoint("target", "aurora", 5432, "shop", "new", "x", "verify-full", "/etc/ca.pem")
    publisher, returner = move["postgres_migration_publisher"], move["postgres_migration_returner"]
    assert peer_faults("returner", returner) == []
    said = report.unverified(Ends(source, target, peer(publisher, source), peer(returner, target)))
    assert [words.partition(":")[0] for words in said] == ["target to source 10.0.0.4"], said


def test_the_old_server_finds_the_file_where_the_stage_says(move: dict[str, Any]) -> None:
    """Inside of its container, in a folder of the host that it has mounted: a new file in it needs no new container."""
    services = yaml.safe_load((STORES / "vars" / "main.yml").read_text())["__compose_stores_services"]
    mounted = next(one for one in services if one["name"] == "postgres")["volumes"]
    assert "compose_stores_folder ~ '/load:/load:ro'" in mounted
    writes = yaml.safe_load((STORES / "tasks" / "trust.yml").read_text())[1]["tiketi.platform.host_files"]["files"]
    on_host = "{{ compose_stores_folder }}" + move["postgres_migration_returner"]["ca_file"]
    assert [one["path"] for one in writes] == [on_host]
    assert "mode" not in writes[0]  # 0644: PostgreSQL's user reads it
