"""What is written into PgBouncer's include file is what is read back, whatever the values hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.args import servers
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.declare import declare, lines
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.errors import PgBouncerError
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.model import Server, parse, render
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.switch import read, write

PLAIN = Server("10.0.0.5", 5432, "shop")
FULL = Server("a.b", 6000, "shop", "app", "a/b@c%d:e\\f'g\"h i;#=x", "SET timezone='UTC'; SET x=1", 7)


@pytest.mark.parametrize("server", [PLAIN, FULL])
def test_an_entry_comes_back_as_it_was(server: Server) -> None:
    assert parse(render({"shop": server, "other": PLAIN})) == {"shop": server, "other": PLAIN}


def test_an_entry_of_a_person_is_read() -> None:
    text = "; note\n[databases]\n  shop = host=db1 port=6001\n\nx=host='db 2' dbname=y user=u\n"
    assert parse(text) == {"shop": Server("db1", 6001, "shop"), "x": Server("db 2", 5432, "y", "u")}


def test_a_faulty_line_is_named_without_its_password() -> None:
    with pytest.raises(PgBouncerError, match="line 2 of /x") as caught:
        parse("[databases]\nshop = port=1 password=hunter2\n", "/x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("name", "server"), [("a b", PLAIN), ("shop", Server("h\nx = host=evil", 1, "d"))])
def test_what_the_file_cannot_hold_is_refused(name: str, server: Server) -> None:
    with pytest.raises(PgBouncerError, match="Mend:"):
        render({name: server})


def test_the_password_is_in_no_representation() -> None:
    assert "hunter2" not in repr(Server("h", 1, "d", "u", "hunter2"))


def test_a_write_is_private_whole_and_only_where_something_changes(tmp_path: Path) -> None:
    path = tmp_path / "databases.ini"
    assert read(str(path)) == {}
    assert write({"shop": PLAIN}, str(path))
    assert not write({"shop": PLAIN}, str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert write({"shop": FULL}, str(path))
    assert read(str(path)) == {"shop": FULL}
    assert [entry.name for entry in tmp_path.iterdir()] == ["databases.ini"]


MOVED = Server("aurora.example", 5432, "shop", "app", "hidden")


@pytest.mark.parametrize(
    ("current", "active", "expected", "kept"),
    [
        ({}, "keep", PLAIN, ()),
        ({"shop": MOVED, "gone": PLAIN}, "keep", MOVED, ("shop",)),
        ({"shop": MOVED}, "set", PLAIN, ()),
        ({"shop": Server("10.0.0.5", 5432, "shop", pool_size=3)}, "keep", PLAIN, ()),
    ],
)
def test_a_declaration_fills_gaps_and_takes_nothing_back(
    current: dict[str, Server], active: str, expected: Server, kept: tuple[str, ...]
) -> None:
    done = declare(current, {"shop": PLAIN}, active)
    assert done.databases == {"shop": expected}
    assert done.kept == kept


def test_how_a_moved_database_is_pooled_follows_the_declaration() -> None:
    wanted = Server("10.0.0.5", 5432, "shop", connect_query="SET x = 1", pool_size=9)
    found = declare({"shop": MOVED}, {"shop": wanted}, "keep").databases["shop"]
    assert (found.host, found.password, found.connect_query, found.pool_size) == (
        "aurora.example",
        "hidden",
        "SET x = 1",
        9,
    )
    assert "SET x = 1" in lines({"shop": found})
    assert MOVED.password not in lines({"shop": found})


ENTRY = {"name": "shop", "host": "10.0.0.5", "port": 5432, "dbname": None, "user": "app", "password": "p"}
POOLED = {"connect_query": "SET x = 1", "pool_size": 3}


def test_both_modules_read_the_declared_databases_alike() -> None:
    found = servers([ENTRY | POOLED, ENTRY | POOLED | {"name": "other", "dbname": "y"}])
    assert found == {
        "shop": Server("10.0.0.5", 5432, "shop", "app", "p", "SET x = 1", 3),
        "other": Server("10.0.0.5", 5432, "y", "app", "p", "SET x = 1", 3),
    }
    with pytest.raises(PgBouncerError, match="listed twice"):
        servers([ENTRY | POOLED, ENTRY | POOLED])
