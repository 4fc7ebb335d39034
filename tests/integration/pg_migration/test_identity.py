"""Replica identities and the publication on the source: applications go on through both."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import identity
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError

from tests.integration.pg_migration.conftest import Move, until


def test_nothing_is_published_that_would_refuse_its_changes(trap_move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever made the identities fall short: applications come first."""
    monkeypatch.setattr(identity, "_set", lambda *_: None)
    with trap_move.opened() as context, pytest.raises(MigrationError, match=r"public\.log.*Mend"):
        identity.ensure(context)
    assert not trap_move.on_source("SELECT 1 FROM pg_publication WHERE pubname LIKE 'platform%'")


def test_identities_are_put_back(trap_move: Move) -> None:
    trap_move.on_source("CREATE TABLE nothing (a int NOT NULL UNIQUE); ALTER TABLE nothing REPLICA IDENTITY NOTHING")
    query = "SELECT relname, relreplident FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
    before = trap_move.on_source(query)
    limit = "SELECT setting FROM pg_settings WHERE name = 'max_slot_wal_keep_size'"
    with trap_move.opened() as context:
        identity.ensure(context)
        identity.ensure(context)
        changed = {"log": "f", "empty_one": "f", "nothing": "i", "ranks": "f", "lanes": "i"}
        assert dict(trap_move.on_source(query)) == {**dict(before), **changed}
        assert trap_move.on_source("SELECT count(*) FROM pg_publication_tables WHERE pubname LIKE 'platform%'") == [
            (11,)
        ]
        until(lambda: trap_move.on_source(limit) == [("10240",)])
        for update in ("log SET n = n", "ranks SET place = place", "lanes SET place = place"):
            trap_move.on_source(f"UPDATE {update}")
        assert identity.restore(context) == []
    assert trap_move.on_source(query) == before
    assert not trap_move.on_source("SELECT 1 FROM pg_publication WHERE pubname LIKE 'platform%'")
    until(lambda: trap_move.on_source(limit) == [("-1",)])
