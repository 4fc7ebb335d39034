"""What the modules of a move make of their parameters."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import args


def parameters(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    ca_file = tmp_path / "ca.pem"
    ca_file.touch()
    given: dict[str, Any] = {name: option.get("default") for name, option in args.SETTING_ARGUMENTS.items()}
    login = {"port": 5432, "dbname": "app", "username": "master", "password": "a/b@c%"}
    given |= {
        "source": {"host": "old", **login},
        "target": {"host": "new", **login},
        "source_sslmode": "verify-full",
        "source_ca_file": str(ca_file),
        "target_ca_file": str(ca_file),
        "publisher": None,
        "returner": None,
        "folder": str(tmp_path),
    }
    return given | changes


def test_what_is_not_said_of_a_peer_is_as_this_runner_does_it(tmp_path: Path) -> None:
    publisher = {
        "host": "10.0.0.4",
        "sslmode": None,
        "port": None,
        "username": None,
        "password": None,
        "ca_file": "",
    }
    ends = args.context(parameters(tmp_path, publisher=publisher)).ends
    assert (ends.publisher.host, ends.publisher.port, ends.publisher.username) == ("10.0.0.4", 5432, "master")
    assert (ends.publisher.sslmode, ends.publisher.verified) == ("require", False)
    assert (ends.returner.host, ends.returner.password) == ("new", "a/b@c%")
    assert "a/b@c%" not in repr(ends)


def test_a_peer_with_a_certificate_authority_verifies(tmp_path: Path) -> None:
    ends = args.context(parameters(tmp_path, returner={"ca_file": "/load/ca.pem"})).ends
    assert (ends.returner.sslmode, ends.returner.ca_file) == ("verify-full", "/load/ca.pem")


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    given = parameters(
        tmp_path,
        jobs=0,
        freeze_budget=0.1,
        follow_timeout=math.nan,
        source_latency_limit=math.inf,
        pooler={"database": "app", "active_file": "/a", "pause_timeout": math.nan},
        application_roles=["shop", "master"],
        target_ca_file=str(tmp_path / "not-there.pem"),
        publisher={"username": "repl", "sslmode": "verify-full"},
    )
    given["target"]["password"] = ""
    with pytest.raises(PgError) as error:
        args.context(given)
    said = str(error.value)
    for fault in (
        "jobs is 0, 1 is the least",
        "freeze_budget is 0.1, 0.5 is the least",
        "follow_timeout is nan, 1 is the least",
        "source_latency_limit is inf, it must be finite",
        "pooler.pause_timeout is nan, 0.1 is the least",
        "publisher.sslmode verify-full needs publisher.ca_file",
        "publisher: username and password belong together",
        "application_roles names master",
        "target.password is empty",
        "not-there.pem is not on this host",
    ):
        assert fault in said


def test_source_and_target_must_differ(tmp_path: Path) -> None:
    given = parameters(tmp_path)
    given["target"] = dict(given["source"])
    with pytest.raises(PgError, match="the same database, old:5432/app"):
        args.context(given)


def test_settings_take_every_parameter(tmp_path: Path) -> None:
    pooler = {"database": "app", "active_file": "/etc/pgbouncer/active.ini", "admin_socket": "/run/x", "admin_port": 1}
    pooler |= {"pause_timeout": 2.0}
    found = args.context(
        parameters(tmp_path, compare="full", application_roles=["shop"], pooler=pooler, jobs=7)
    ).settings
    assert (found.verify, found.application_roles, found.jobs) == ("full", ("shop",), 7)
    assert (found.pooler.database, found.pooler.pause_timeout) == ("app", 2.0)
