"""Grants of an application's login."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.access import Access, Missing, Wanted, plan

WANTED = Wanted("app")
DEFAULTS = frozenset(
    [("public", "TABLES", right) for right in ("SELECT", "INSERT", "UPDATE", "DELETE")]
    + [("public", "SEQUENCES", right) for right in ("USAGE", "SELECT")]
)
DONE = Access(exists=True, may_login=True, authenticates=True, defaults=DEFAULTS)


def statements(current: Access, wanted: Wanted = WANTED) -> list[str]:
    return [action.statement for action in plan(current, wanted, '"app"')]


def test_what_is_as_wanted_is_left_alone() -> None:
    assert statements(DONE) == []


def test_a_login_that_a_move_took_away_is_given_back_by_the_move() -> None:
    assert statements(replace(DONE, may_login=False, shut=True)) == []


@pytest.mark.parametrize(
    ("current", "statement"),
    [
        (replace(DONE, may_login=False), 'ALTER ROLE "app" LOGIN'),
        (replace(DONE, authenticates=False), 'ALTER ROLE "app" PASSWORD'),
        (replace(DONE, attributes=frozenset({"rolsuper", "rolcreatedb"})), 'ALTER ROLE "app" NOSUPERUSER NOCREATEDB'),
        (
            replace(DONE, missing=(Missing("TABLE", "public.t", ("DELETE",)),)),
            'GRANT DELETE ON TABLE public.t TO "app"',
        ),
        (replace(DONE, may_create_in=("public",)), 'REVOKE CREATE ON SCHEMA public FROM "app"'),
        (
            replace(DONE, defaults=DEFAULTS - {("public", "TABLES", "UPDATE")}),
            'ALTER DEFAULT PRIVILEGES IN SCHEMA "public" GRANT UPDATE ON TABLES TO "app"',
        ),
    ],
)
def test_one_statement_for_what_is_missing(current: Access, statement: str) -> None:
    assert statements(current) == [statement]


def test_a_new_role_is_made_before_it_is_given_anything() -> None:
    found = statements(Access(exists=False))
    assert found[:2] == ['CREATE ROLE "app" LOGIN', 'ALTER ROLE "app" PASSWORD']
    assert len(found) == 4


def test_only_the_password_is_marked_as_one() -> None:
    assert [action.statement for action in plan(Access(exists=False), WANTED, '"app"') if action.password] == [
        'ALTER ROLE "app" PASSWORD'
    ]
