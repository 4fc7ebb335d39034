"""The journal on the runner."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Manifest


def journal(root: Path) -> Journal:
    return Journal(root, "old:5432/shop", "new:5432/app")


def test_what_is_saved_is_found_again_and_private(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.record({"step": "dump", "seconds": 1.2, "bytes": 10})
    first.record({"step": "dump", "seconds": 2.0, "bytes": 20})
    first.save(phase="dumped", identity="abc")
    second = journal(tmp_path)
    second.load()
    assert second.entries == first.entries
    assert second.entries["steps"] == [{"step": "dump", "seconds": 2.0, "bytes": 20}]
    assert stat.S_IMODE(second.folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in second.folder.iterdir()] == [0o600]


def test_a_broken_journal_is_an_error_not_a_fresh_start(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.save()
    (first.folder / "journal.json").write_text("{")
    with pytest.raises(PgError, match="cannot be read"):
        journal(tmp_path).load()


def test_a_dump_counts_only_with_its_manifest(tmp_path: Path) -> None:
    move = journal(tmp_path)
    move.dump.mkdir(parents=True)
    (move.dump / "toc.dat").write_bytes(b"")
    assert not move.dump_complete
    move.save_manifest(Manifest(major=15, tables={"t": {"rows": 3, "hash": "1", "method": "columns"}}))
    assert move.dump_complete
    found = move.manifest()
    assert found is not None
    assert found.rows == 3


def test_a_second_run_waits_and_then_sees_what_the_first_did(tmp_path: Path) -> None:
    first, second = journal(tmp_path), journal(tmp_path)
    with first.locked(0):
        with pytest.raises(PgError, match=r"another run of this move holds .*process \d+, for \d+ s"), second.locked(0):
            pass
        seen: list[str] = []

        def wait() -> None:
            with second.locked(10):
                seen.append(second.phase)

        waiting = threading.Thread(target=wait)
        waiting.start()
        first.save(phase="finished")
    waiting.join()
    assert seen == ["finished"]


def test_other_ends_have_another_journal(tmp_path: Path) -> None:
    assert Journal(tmp_path, "a", "b").folder != Journal(tmp_path, "a", "c").folder
