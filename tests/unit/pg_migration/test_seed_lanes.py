"""A worker that comes late finds the snapshot released: that is an end, and a loss only where something is left to read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from unittest import mock

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgToolError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    MigrationError,
    SnapshotLostError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import work
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.board import Board


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> work.Worker:
    @contextlib.contextmanager
    def session(*_: object) -> Iterator[mock.Mock]:
        yield mock.Mock()

    monkeypatch.setattr(work.copy, "session", session)
    monkeypatch.setattr(work.snapshot, "usable", lambda _context: False)
    worker = object.__new__(work.Worker)
    worker.context = mock.Mock()
    worker.taken = "00000003-0000001B-1"
    return worker


def test_the_others_have_read_all(late: work.Worker) -> None:
    late.board = Board([], [])
    late._copy_lane()


def test_something_is_left_to_read(late: work.Worker) -> None:
    part = SimpleNamespace(table=SimpleNamespace(label="public.seats"))
    late.board = Board([part], [])  # type: ignore[list-item]
    with pytest.raises(SnapshotLostError, match="the process that kept the snapshot is gone"):
        late._copy_lane()


def test_a_tool_that_lost_its_server_is_told_with_the_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = PgToolError("pg_dump ended with 1: connection refused")
    monkeypatch.setattr(work, "Worker", lambda _context: mock.Mock(run=mock.Mock(side_effect=ended)))
    with pytest.raises(MigrationError, match=r"pg_dump ended with 1: connection refused\. Mend: .* run seed again"):
        work.work(mock.Mock(), {})
