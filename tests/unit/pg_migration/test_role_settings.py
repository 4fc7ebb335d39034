"""Settings of the database and of its logins that a dump leaves behind."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import role_settings

SOURCE = {
    ("", True, "timezone"): "Asia/Seoul",
    ("shop", False, "search_path"): 'app, "$user"',
    ("shop", True, "work_mem"): "64MB",
    ("shop", True, "app.key"): "s3cret",
    ("shop", False, "lock_timeout"): "2s",
}


def test_what_the_target_lacks_or_has_otherwise_comes_with_its_statement() -> None:
    found = role_settings.lacking(
        SOURCE, {("shop", True, "work_mem"): "64MB", ("shop", False, "lock_timeout"): "9s"}, "shop db"
    )
    assert found == [
        (True, "setting timezone of the database", "ALTER DATABASE \"shop db\" SET timezone TO 'Asia/Seoul'"),
        (True, "setting search_path of role shop", 'ALTER ROLE shop SET search_path TO app, "$user"'),
        (True, "setting app.key of role shop", 'ALTER ROLE shop IN DATABASE "shop db" SET app.key TO ...'),
        (False, "setting lock_timeout of role shop", "ALTER ROLE shop SET lock_timeout TO '2s'"),
    ]
    assert "s3cret" not in str(role_settings.words(found))


def test_equal_sides_need_nothing() -> None:
    assert role_settings.lacking(SOURCE, SOURCE, "shop") == []
