"""The mark of a move on servers whose disk is full: one may lack it while a verb leads out of that, never both, and no phase."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import psycopg
import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import journal as journals
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import NoRoomError


def server(name: str, full: bool = False) -> mock.MagicMock:
    session = mock.MagicMock(info=mock.Mock(host=name, port=5432, dbname="shop"))
    session.execute.return_value.rowcount = 1
    if full:
        session.execute.side_effect = psycopg.errors.DiskFull(
            "could not extend file: No space left on device\nHINT: more"
        )
    return session


@pytest.fixture
def journal(tmp_path: Path) -> journals.Journal:
    ends = mock.Mock(source=mock.Mock(label="old/shop"), target=mock.Mock(label="new/shop"))
    return journals.Journal(tmp_path, ends, "runner")


def test_the_other_one_took_it(journal: journals.Journal) -> None:
    old, new = server("old"), server("new", full=True)
    journal._mark([old, new])
    assert old.execute.called
    assert new.execute.called


@pytest.mark.parametrize("full", [["new"], ["old", "new"]])
def test_nobody_took_it(journal: journals.Journal, full: list[str]) -> None:
    with pytest.raises(
        NoRoomError, match=rf"{full[0]}:5432/shop has no room .* No space left on device\. Mend: make room"
    ):
        journal._mark([server(name, full=True) for name in full])


def test_a_phase_is_not_entered_with_a_full_server(journal: journals.Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def connect(end: mock.Mock, _: str) -> Iterator[mock.MagicMock]:
        yield server("new", full=end is journal.ends.target)

    monkeypatch.setattr(journals, "connect", connect)
    with pytest.raises(NoRoomError):
        journal.phase_is("following")
