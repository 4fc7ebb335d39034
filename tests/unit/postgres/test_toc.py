"""Lines of `pg_restore --list`, as PostgreSQL 15 prints them."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.toc import filter_entries

LISTING = """\
;
; Archive created at 2026-11-23 09:00:00 UTC
;     Format: DIRECTORY
;
6; 2615 16385 SCHEMA - extensions postgres
7; 2615 16390 SCHEMA - odd Schema postgres
8; 2615 2200 SCHEMA - public postgres
3500; 0 0 COMMENT - SCHEMA public postgres
2; 3079 16400 EXTENSION - citext \n3501; 0 0 EXTENSION - pg_trgm \n3502; 0 0 COMMENT - EXTENSION pg_trgm \n220; 1259 16500 TABLE public EXTENSION - log postgres
221; 1259 16501 TABLE public events postgres
3503; 0 0 COMMENT public TABLE events postgres
3600; 0 16501 TABLE DATA public events postgres
3700; 3466 16600 EVENT TRIGGER - guard postgres
3701; 0 0 COMMENT - EVENT TRIGGER guard postgres
3702; 6104 16601 PUBLICATION - everything postgres
""".splitlines()

OWNERS = {"extensions": "postgres", "odd Schema": "postgres", "public": "postgres"}


def rest(lines: list[str]) -> list[str]:
    return [line.split(" ", 3)[3] for line in lines]


def test_what_a_plain_login_cannot_restore_is_left_out() -> None:
    keep, left_out = filter_entries(LISTING, OWNERS, {"public", "extensions"}, {"public"})
    assert [line.strip() for line in left_out] == [
        "SCHEMA - extensions postgres",
        "SCHEMA - public postgres",
        "COMMENT - SCHEMA public postgres",
        "EXTENSION - citext",
        "EXTENSION - pg_trgm",
        "COMMENT - EXTENSION pg_trgm",
        "EVENT TRIGGER - guard postgres",
        "COMMENT - EVENT TRIGGER guard postgres",
    ]
    assert rest(keep) == [
        "SCHEMA - odd Schema postgres",
        "TABLE public EXTENSION - log postgres",
        "TABLE public events postgres",
        "COMMENT public TABLE events postgres",
        "TABLE DATA public events postgres",
        "PUBLICATION - everything postgres",
    ]


def test_a_schema_is_matched_whole() -> None:
    keep, left_out = filter_entries(
        ["9; 2615 1 SCHEMA - odd Schema postgres"], {"odd": "Schema postgres"}, {"odd"}, set()
    )
    assert left_out == ["SCHEMA - odd Schema postgres"], "an owner with a space in its name"
    keep, left_out = filter_entries(["9; 2615 1 SCHEMA - odd Schema postgres"], {"odd": "postgres"}, {"odd"}, set())
    assert keep
    assert not left_out


def test_a_comment_of_an_own_schema_stays() -> None:
    keep, left_out = filter_entries(["1; 0 0 COMMENT - SCHEMA public master"], {"public": "master"}, {"public"}, set())
    assert keep
    assert not left_out
