"""What a source lacks, and what is done about it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import (
    autoconf,
    hba,
    login,
    restart,
    scram,
    settings,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.login import Role
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import (
    Client,
    Login,
    Rule,
    Server,
    Setting,
    Wanted,
)

POSTMASTER = ("wal_level", "max_wal_senders", "max_replication_slots", "max_worker_processes", "max_logical_replication_workers",
              "listen_addresses")  # fmt: skip
DEFAULTS = {
    "wal_level": "replica", "max_wal_senders": "10", "max_replication_slots": "10", "max_worker_processes": "8",
    "max_logical_replication_workers": "4", "max_slot_wal_keep_size": "-1", "wal_sender_timeout": "60000",
    "password_encryption": "scram-sha-256", "listen_addresses": "*", "ssl": "off", "ssl_cert_file": "server.crt",
    "ssl_key_file": "server.key",
}  # fmt: skip
LOGIN = Login("mover", "a/b@c%")
WANTED = Wanted(LOGIN, ("10.0.0.0/24",), address="10.0.0.4")
READY = DEFAULTS | {"wal_level": "logical", "max_slot_wal_keep_size": "10240", "ssl": "on"}


def make(values: dict[str, str], source: str = "configuration file", **more: object) -> Server:
    known = {
        name: Setting(name, value, value, "postmaster" if name in POSTMASTER else "sighup", source)
        for name, value in values.items()
    }
    given = {"version": 150010, "superuser": True, "standby": False, "identifier": "7", "data_directory": "/data", "port": 5432,
             "hba_file": "/data/pg_hba.conf", "started": 100.0, "start_seconds": 2, "settings": known}  # fmt: skip
    return Server(**{**given, **more})  # type: ignore[arg-type]


def planned(server: Server, wanted: Wanted = WANTED, inside: str = "", own: bool = False) -> dict[str, str]:
    return {one.name: one.value for one in settings.plan(server, wanted, inside, own)[0]}


@pytest.mark.parametrize(
    ("free", "limit"), [(None, "10240MB"), (100 * 1024**3, "10240MB"), (8 * 1024**3, "4096MB"), (1024**2, "64MB")]
)
def test_a_slot_keeps_no_more_than_half_of_what_is_free(free: int | None, limit: str) -> None:
    lacking = make(READY | {"max_slot_wal_keep_size": "-1"})
    assert planned(lacking, settings.fitted(WANTED, free)) == {"max_slot_wal_keep_size": limit}
    assert planned(make(READY), settings.fitted(WANTED, free)) == {}, "a limit that somebody chose stays"


def test_what_is_as_wanted_is_left_alone() -> None:
    assert settings.plan(make(READY), WANTED, "", own_certificate=False) == ([], [])


@pytest.mark.parametrize(
    ("name", "value", "instead"),
    [
        ("wal_level", "replica", "logical"),
        ("wal_level", "minimal", "logical"),
        ("max_wal_senders", "5", "10"),
        ("max_replication_slots", "0", "10"),
        ("max_worker_processes", "4", "8"),
        ("max_slot_wal_keep_size", "-1", "10240MB"),
        ("wal_sender_timeout", "0", "60s"),
        ("wal_sender_timeout", "3600000", "60s"),
        ("password_encryption", "md5", "scram-sha-256"),
        ("listen_addresses", "localhost", "*"),
    ],
)
def test_one_change_for_what_is_not(name: str, value: str, instead: str) -> None:
    assert planned(make(READY | {name: value})) == {name: instead}


def test_numbers_leave_room_for_a_move_beside_what_is_in_use() -> None:
    assert planned(make(READY, senders_used=8, slots_used=3)) == {"max_wal_senders": "12"}
    assert planned(make(READY | {"max_wal_senders": "100"}, senders_used=8)) == {}


@pytest.mark.parametrize(
    ("listens", "instead"),
    [
        ("localhost", "localhost,10.0.0.4"),
        ("", "10.0.0.4"),
        ("*", None),
        ("127.0.0.1, 10.0.0.4", None),
        ("0.0.0.0", None),  # noqa: S104
    ],
)
def test_a_service_listens_on_its_own_address_besides(listens: str, instead: str | None) -> None:
    expected = {"listen_addresses": instead} if instead else {}
    assert planned(make(READY | {"listen_addresses": listens}), inside="10.0.0.4") == expected


def test_a_certificate_of_ours_comes_before_ssl() -> None:
    assert list(planned(make(READY | {"ssl": "off"}), own=True)) == ["ssl_cert_file", "ssl_key_file", "ssl"]


def test_a_command_line_is_named_and_the_file_prepared_once() -> None:
    server = make(READY | {"wal_level": "replica"}, source="command line")
    changes, blockers = settings.plan(server, WANTED, "", False, "postgres -c wal_level=replica")
    assert [(one.name, one.outdone) for one in changes] == [("wal_level", True)]
    assert blockers[0].recreate
    assert "command line (postgres -c wal_level=replica), which wins over ALTER SYSTEM" in blockers[0].text
    prepared = replace(server.settings["wal_level"], written="logical")
    assert (
        settings.plan(replace(server, settings=server.settings | {"wal_level": prepared}), WANTED, "", False)[0] == []
    )


def test_what_waits_for_a_restart_is_not_changed_again() -> None:
    server = make(READY, pending=("shared_buffers", "wal_level"))
    waits = Setting("wal_level", "replica", "logical", "postmaster", "configuration file")
    server = replace(server, settings=server.settings | {"wal_level": waits})
    assert planned(server) == {}
    assert settings.waiting(server) == ["wal_level"]
    said = restart.announce(
        replace(server, clients=(Client("shop", "web", "10.0.0.9", 3, 12.0),)), ["wal_level"], "systemctl restart x"
    )
    assert said == [
        "a restart of PostgreSQL is needed for wal_level = logical (now replica)",
        "the same restart brings into effect what others have set: shared_buffers",
        "its last start took about 2 s; it is done by: systemctl restart x",
        "connected now, and cut off by it: 3 of shop (web) from 10.0.0.9, a transaction open for 12 s",
    ]


FILE = "# PostgreSQL\n# TYPE\n\nlocal all all trust\nhost all all all md5"


def test_our_lines_stand_first_and_all_others_keep_their_order() -> None:
    lines = hba.render(Login('the "mover"', "x"), ["shop", "all"], ["10.0.1.0/24", "fd00::/64"])
    assert lines == [
        'hostssl "shop","all" "the ""mover""" 10.0.1.0/24 scram-sha-256',
        'hostssl "shop","all" "the ""mover""" fd00::/64 scram-sha-256',
        'host all,replication "the ""mover""" all reject',
    ]
    once = hba.apply(FILE, lines)
    assert once.index("# TYPE") < once.index(hba.BEGIN) < once.index("local all")
    assert hba.apply(once, lines) == once
    assert hba.apply(once, lines[:1]) == hba.apply(FILE, lines[:1])
    assert hba.without(once) == hba.apply(once, []) == FILE + "\n"
    assert hba.apply("", lines[:1]).splitlines() == [hba.BEGIN, lines[0], hba.END]


def test_of_somebody_elses_login_nothing_is_taken_away() -> None:
    assert not [
        line for line in hba.render(replace(LOGIN, existing=True), ["shop"], ["10.0.1.0/24"]) if "reject" in line
    ]


def test_a_block_without_its_end_is_seen_and_nothing_is_lost() -> None:
    broken = f"{hba.BEGIN}\nhost all all all md5\n"
    assert hba.open_ended(broken)
    assert hba.without(broken) == broken


def test_faults_are_what_the_server_says_and_lines_that_are_not_ours_first() -> None:
    ours, other = (
        Rule(3, "hostssl", ("shop",), ("mover",), "scram-sha-256"),
        Rule(2, "local", ("all",), ("all",), "trust"),
    )
    assert hba.faults([ours, other], LOGIN, 1) == []
    assert hba.faults([other, ours], LOGIN, 1) == ["0 of 1 lines for mover stand first"]
    assert hba.faults([ours, replace(other, error="bad")], LOGIN, 1) == ["line 2: bad"]


AUTO = "# Do not edit\nwal_level = 'logical'\nwork_mem = '5MB'\nmax_wal_senders = '20'\n"


def test_settings_are_put_back_and_those_of_others_stay() -> None:
    assert autoconf.parse(AUTO) == {"wal_level": "'logical'", "work_mem": "'5MB'", "max_wal_senders": "'20'"}
    back = autoconf.put_back(AUTO, {"wal_level": None, "max_wal_senders": "'12'"})
    assert back == "# Do not edit\nwork_mem = '5MB'\nmax_wal_senders = '12'\n"


DONE = Role(True, login=True, replication=True, verifier=scram.verifier(LOGIN.password))


def statements(role: Role, missing: dict[str, list[str]] | None = None) -> list[str]:
    return [one.sql for one in login.plan(role, LOGIN, missing or {})[0]]


@pytest.mark.parametrize(
    ("role", "sql"),
    [
        (replace(DONE, replication=False), 'ALTER ROLE "mover" LOGIN REPLICATION'),
        (replace(DONE, excess=frozenset({"rolsuper", "rolbypassrls"})), 'ALTER ROLE "mover" NOSUPERUSER NOBYPASSRLS'),
        (replace(DONE, verifier="md5abc"), 'ALTER ROLE "mover" PASSWORD'),
        (replace(DONE, verifier=scram.verifier("other")), 'ALTER ROLE "mover" PASSWORD'),
        (replace(DONE, expired=True), "ALTER ROLE \"mover\" VALID UNTIL 'infinity'"),
    ],
)
def test_one_statement_for_what_the_login_lacks(role: Role, sql: str) -> None:
    assert statements(DONE) == []
    assert statements(role) == [sql]


def test_rights_are_given_in_their_database() -> None:
    made, _ = login.plan(Role(False), LOGIN, {"shop": ["GRANT SELECT ON TABLE public.t"]})
    assert [(one.sql, one.dbname, one.secret) for one in made] == [
        ('CREATE ROLE "mover" LOGIN REPLICATION', "", False),
        ('ALTER ROLE "mover" PASSWORD', "", True),
        ('GRANT SELECT ON TABLE public.t TO "mover"', "shop", False),
    ]


@pytest.mark.parametrize(
    ("role", "said"),
    [
        (Role(False), "does not exist"),
        (replace(DONE, login=False), "may not log in"),
        (replace(DONE, replication=False), "may not replicate"),
        (replace(DONE, verifier="md5abc"), "kept as md5"),
        (replace(DONE, verifier=scram.verifier("other")), "is not that of role"),
    ],
)
def test_somebody_elses_role_is_judged_and_never_changed(role: Role, said: str) -> None:
    theirs = replace(LOGIN, existing=True)
    assert login.plan(DONE, theirs, {}) == ([], [])
    made, blockers = login.plan(role, theirs, {})
    assert made == []
    assert said in blockers[0].text
