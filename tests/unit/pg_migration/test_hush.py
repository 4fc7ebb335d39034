"""Which settings of a server would write a password down."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import hush


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"log_statement": "none", "log_min_duration_statement": "-1", "pgaudit.log": None}, []),
        ({"log_statement": "ddl"}, ["log_statement=ddl"]),
        (
            {"log_min_duration_statement": "0", "log_transaction_sample_rate": "0.1"},
            ["log_min_duration_statement=0", "log_transaction_sample_rate=0.1"],
        ),
        ({"pgaudit.log": "write, role"}, []),
        ({"pgaudit.log": "all, -ddl"}, []),
        ({"pgaudit.log": "role, DDL"}, ["pgaudit.log=role, DDL"]),
        ({"pgaudit.log": "all"}, ["pgaudit.log=all"]),
    ],
)
def test_only_what_logs_a_subscription_is_loud(values: dict[str, str | None], found: list[str]) -> None:
    assert hush.speaking(values) == found


def test_the_mend_names_each_setting() -> None:
    assert hush.mend(["log_statement=ddl", "pgaudit.log=all"], "mover") == (
        "log_statement=none, pgaudit.log=none in that server's configuration or parameter group for the time of the move (no restart),"
        " or GRANT SET ON PARAMETER log_statement TO mover; GRANT SET ON PARAMETER pgaudit.log TO mover"
    )
