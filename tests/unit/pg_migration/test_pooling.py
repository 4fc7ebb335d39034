"""Whether the pooler leads where the move thinks that it does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Pooler
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.pooling import PgBouncer
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer import admin, switch
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.model import Server

LOGIN = {"port": 5432, "username": "mover", "password": "p", "dbname": "shop"}
SOURCE = endpoint("source", {"host": "old.example", **LOGIN}, "verify-full", "ca.pem")
TARGET = endpoint("target", {"host": "new.example", **LOGIN}, "verify-full", "ca.pem")


@pytest.fixture
def pointed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], PgBouncer]:
    def build(host: str) -> PgBouncer:
        file = str(tmp_path / "active.ini")
        switch.write({"shop": Server(host=host, port=5432, dbname="shop")}, file)
        return PgBouncer(Pooler(database="shop", active_file=file))

    answer: dict[str, Any] = {}
    monkeypatch.setattr(admin.Console, "database", lambda self, name: answer)
    return build


def test_it_may_know_the_server_by_another_address(pointed: Callable[[str], PgBouncer]) -> None:
    pointed("old.example").check(SOURCE, TARGET)
    pointed("127.0.0.1").check(SOURCE, TARGET)
    pointed("new.example").check(TARGET, SOURCE)


def test_one_that_leads_to_the_other_end_already_is_refused(pointed: Callable[[str], PgBouncer]) -> None:
    """Same port, same database: only the address tells both ends apart."""
    with pytest.raises(MigrationError, match=r"PgBouncer leads shop to .*new.example.*, not to the source"):
        pointed("new.example").check(SOURCE, TARGET)
    with pytest.raises(MigrationError, match="not to the target"):
        pointed("old.example").check(TARGET, SOURCE)
