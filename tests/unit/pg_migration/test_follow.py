"""What is said of a subscription, and what is never said."""

from __future__ import annotations

import re
from unittest.mock import MagicMock

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import follow, reason, shape, subscription
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.health import Health
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Peer
from psycopg.conninfo import conninfo_to_dict

MIB = 1024**2


@pytest.mark.parametrize(
    ("lag", "later", "seconds", "words"),
    [
        (5, None, 0.0, "which it is"),
        (101 * MIB, None, 2.1, r"at least 2\.1 s"),  # there is no subscription yet
        (101 * MIB, 81 * MIB, 4.0, r"about 4\.0 s at the 20\.0 MiB/s"),
        (101 * MIB, 0, 0.0, "about 0"),
        (101 * MIB, 102 * MIB, None, "does not come nearer"),  # users write faster than it is applied
    ],
)
def test_check_mode_says_how_long_it_waits(lag: int, later: int | None, seconds: float | None, words: str) -> None:
    context = MagicMock()
    context.settings.max_lag = MIB
    found = Health(exists=later is not None, enabled=later is not None, lag_bytes=lag)
    planned = follow._planned(context, found, later, 0.7)
    assert planned["estimate"] == {"seconds": seconds, "lag_bytes": lag, "freeze_seconds": 0.7}
    assert re.search(words, planned["message"])
    assert "a freeze of about 0.7 s" in planned["message"]


@pytest.mark.parametrize("password", ["a b", "it's", "back\\slash", "x=/@%:", "'\\' ; DROP", '"', "", "läßt"])
def test_any_password_survives_the_connection_string(password: str) -> None:
    text = subscription.conninfo(Peer("db", 5432, "mover", password, "verify-full", "/ca file.pem"), "my db", "move")
    known = conninfo_to_dict(text)
    assert known.get("password", "") == password
    assert known["dbname"] == "my db"
    assert known["sslrootcert"] == "/ca file.pem"


def test_differences_of_tables_are_named() -> None:
    source = {"public.a": {"id": "integer not null", "x": "text"}, "public.b": {}}
    target = {"public.a": {"id": "bigint not null"}, "public.c": {}}
    assert shape.differences(source, target) == [
        "table public.b is on the source only",
        "table public.c is on the target only",
        "column x of public.a is on the source only",
        "column id of public.a is integer not null on the source, bigint not null on the target",
    ]
    assert shape.differences(source, source) == []


LOG = """
2026 [7] ERROR:  something else
2026 [8] ERROR:  duplicate key value violates unique constraint "t_pkey"
2026 [8] DETAIL:  Key (id)=(5) already exists.
2026 [8] CONTEXT:  processing remote data for replication origin "pg_1" during "INSERT"
2026 [8] LOG:  subscription "mine" has been disabled because of an error
2026 [9] ERROR:  later, of another
2026 [9] LOG:  subscription "other" has been disabled because of an error
"""


def test_the_reason_is_read_from_the_log() -> None:
    said = reason.last_error(LOG, "mine")
    assert said == 'duplicate key value violates unique constraint "t_pkey": Key (id)=(5) already exists.'
    assert reason.last_error(LOG, "nobody") == ""


def test_no_row_is_named_where_what_was_applied_cannot_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slot may still hold what is on the target by right: to name that, and how to delete it, would lose it."""
    monkeypatch.setattr(reason, "read_tables", lambda source: [])
    source, target = MagicMock(), MagicMock()
    target.execute.side_effect = psycopg.errors.InsufficientPrivilege()
    assert reason._conflict(MagicMock(), source, target) == ""
    source.cursor.assert_not_called()


def test_a_slot_that_is_nearly_lost_is_worth_a_word() -> None:
    assert Health(enabled=True, connected=True, wal_status="reserved").notices == []
    assert "about to be lost" in Health(enabled=True, connected=True, wal_status="unreserved").notices[0]
    assert "not connected" in Health(enabled=True).notices[0]
    assert not Health(enabled=True, connected=True, shapes=("column x",)).follows
