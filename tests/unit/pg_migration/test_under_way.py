"""Whoever looks at a move sees what a run does with it now, and that none does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

from ansible_collections.tiketi.platform.plugins.module_utils._cutover import run as cutovers
from ansible_collections.tiketi.platform.plugins.module_utils._cutover.journal import MoveJournal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import status, undo
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import CUTTING
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.participant import Moving


def ends() -> Any:
    made = MagicMock()
    made.source.label, made.target.label = "old:5432/shop", "new:5432/shop"
    return made


def test_what_a_run_does_is_seen_while_it_lasts(tmp_path: Path) -> None:
    context = MagicMock(journal=Journal(tmp_path, ends(), "runner"))
    onlooker = Journal(tmp_path, ends(), "runner")

    def seen() -> str:
        onlooker.load()
        return status._under_way(onlooker)

    ledger = undo.Ledger(context, undo.CUTOVER)
    context.journal.write("progress.json", {"step": "follow", "note": "of an earlier verb"})
    with MoveJournal.locked(context.journal, 0.0):
        assert seen() == ""  # a run of another verb
        context.journal.save(phase=CUTTING)
        ledger.step(cutovers.PREPARING)
        at_work = f"a cutover is under way (process {os.getpid()}, for 0 s): "
        assert seen() == at_work + "preparing"
        pg = Moving(context, ledger.note)
        cutovers.Run([pg], 5.0, ledger)._listen_to(pg)
        pg.at("objects")
        assert seen() == at_work + "preparing, postgresql: copies large objects"
        pg.at("pause")
        ledger.step(cutovers.FREEZING)
        assert seen() == at_work + "freezing"
    assert seen() == ""  # it died, or was called off
