"""What the module makes of its parameters, and what it keeps of a server's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import args
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.record import Record

GIVEN: dict[str, Any] = {name: option.get("default") for name, option in args.ARGUMENTS.items()} | {
    "login": {"username": "mover", "password": "a/b@c%", "existing": False},
    "cidrs": ["10.0.1.0/24"],
    "address": "db.internal",
}


def test_a_right_input_is_taken() -> None:
    choice, _, wanted = args.read({**GIVEN, "container": "db", "restart": "allowed"})
    assert (choice.container, wanted.restart, wanted.address, wanted.tls.mode) == ("db", True, "db.internal", "auto")
    assert "a/b@c%" not in repr(wanted)


def test_every_fault_is_named_at_once() -> None:
    given = GIVEN | {
        "login": {"username": "+staff", "password": "a\nb", "existing": False},
        "cidrs": ["10.0.1.7/24", "0.0.0.0/0"],
        "databases": ["@file", "shop\nhost all all all trust"],
        "names": ["a,IP:10.0.0.1"],
        "container": "db",
        "where": "service",
        "max_wal_senders": 0,
        "tls": {"mode": "given", "certificate": "/not/there", "key": "", "ca": ""},
    }
    with pytest.raises(PgError) as error:
        args.read(given)
    for fault in (
        "login.username begins with +", "login.password holds a line break", "10.0.1.7/24 has host bits set", "0.0.0.0/0 is everybody",
        "databases[0] begins with @", "databases[1] holds a line break", "names[0] is no name", "which one is meant",
        "max_wal_senders is 0", "tls.certificate: /not/there cannot be read", "tls.mode given needs tls.key",
    ):  # fmt: skip
        assert fault in str(error.value)
    with pytest.raises(PgError, match="cidrs is empty: who may come"):
        args.read({**GIVEN, "cidrs": []})
    assert args.read({**GIVEN, "cidrs": [], "state": "absent"})


def test_a_record_tells_what_was_there_first_and_what_no_start_has_seen(tmp_path: Path) -> None:
    record = Record(tmp_path / "7")
    record.make()
    assert record.unproven(0.0) == {}
    record.note("wal_level = 'replica'\n", {"wal_level": "logical", "ssl": "on"})
    assert record.unproven(0.0) == {"wal_level": "'replica'", "ssl": None}
    record.note("wal_level = 'logical'\nssl = 'off'\n", {"ssl": "on"})
    assert record.unproven(0.0) == {"wal_level": "'replica'", "ssl": "'off'"}
    assert record.unproven(2e9) == {}
    # Put back is only what still is as it was left.
    assert record.first("wal_level = 'logical'\nssl = 'off'\n") == {"wal_level": "'replica'"}
    record.forget({"wal_level": None})
    assert list(record.unproven(0.0)) == ["ssl"]
    assert (tmp_path / "7").stat().st_mode & 0o077 == 0
