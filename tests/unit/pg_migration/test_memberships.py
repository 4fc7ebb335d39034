"""What roles have by other roles, and what they may call."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import memberships


def test_a_group_that_a_policy_names_is_fatal() -> None:
    found = memberships.groups("shop", {"readers": True, "staff": False, "kept": True}, {"kept"}, {"readers", "kept"})
    assert [one.fatal for one in found] == [True, False]
    assert str(found[0]).endswith('Mend: on the target, GRANT "readers" TO "shop"')
    assert 'CREATE ROLE "staff"; GRANT "staff" TO "shop"' in str(found[1])


def test_functions_that_are_there_and_may_not_be_called() -> None:
    here = {
        "public.f(integer)": (False, True),
        "public.new()": (False, True),
        "pg_ls_waldir()": (True, True),
        "public.no()": (False, False),
    }
    there = {name: (own, False) for name, (own, _) in here.items() if name != "public.new()"}
    found = memberships.functions("shop", here, there)
    assert [(one.fatal, "public.f(integer)" in one.problem, "pg_ls_waldir()" in one.problem) for one in found] == [
        (True, True, False),
        (False, False, True),
    ]
    assert "public.n" not in " ".join(map(str, found))
