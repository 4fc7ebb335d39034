"""No authority goes that a database on another server than the declared one is verified by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.authorities import render
from ansible_collections.tiketi.platform.plugins.modules.pgbouncer_authorities import look


def certificate(name: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----"


OLD, AURORA = certificate("old"), certificate("aurora")


@pytest.fixture
def given(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "databases.ini").write_text("[databases]\ntiketi = host=aurora\n")
    (tmp_path / "server-ca.pem").write_text(f"{OLD}\n\n{AURORA}\n")
    return {
        "authorities": [OLD],
        "databases": [{"name": "tiketi", "host": "10.0.1.10", "port": 5432, "dbname": None}],
        "active": "keep",
        "path": str(tmp_path / "server-ca.pem"),
        "databases_file": str(tmp_path / "databases.ini"),
    }


def test_the_authority_of_the_server_that_a_move_led_to_stays(given: dict[str, Any]) -> None:
    found = look(given)
    assert (found["changed"], found["count"], found["kept"]) == (False, 2, 1)


def test_it_stays_beside_one_that_comes(given: dict[str, Any]) -> None:
    found = look({**given, "authorities": [certificate("renewed")]})
    assert found["diff"]["after"] == render([certificate("renewed"), OLD, AURORA])


@pytest.mark.parametrize("change", [{"active": "set"}, {"databases": [{"name": "tiketi", "host": "aurora"}]}])
def test_what_nobody_needs_any_more_goes(given: dict[str, Any], change: dict[str, Any]) -> None:
    plain = {"port": 5432, "dbname": None}
    databases = [plain | one for one in change.get("databases", given["databases"])]
    found = look({**given, "authorities": [AURORA], **change, "databases": databases})
    assert (found["changed"], found["diff"]["after"]) == (True, render([AURORA]))


def test_a_new_host_gets_what_is_declared(given: dict[str, Any], tmp_path: Path) -> None:
    for name in ("databases.ini", "server-ca.pem"):
        (tmp_path / name).unlink()
    found = look(given)
    assert (found["changed"], found["diff"]["after"], found["kept"]) == (True, render([OLD]), 0)
