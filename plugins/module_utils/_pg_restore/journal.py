"""The journal of one dump and restore: beside its phases the dump itself and what it held."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import time
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._pg.journal import MoveJournal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Manifest


class Journal(MoveJournal):
    """A dump is complete when pg_dump ended well and the manifest of its snapshot was written."""

    @property
    def dump(self) -> Path:
        return self.folder / "dump"

    @property
    def dump_complete(self) -> bool:
        return (self.dump / "toc.dat").exists() and self.manifest() is not None

    def progress(self, step: str, began: float, size: int) -> None:
        """For a person who looks on: `cat progress.json` beside the journal."""
        seconds = round(time.time() - began, 1)
        self.write("progress.json", {"step": step, "seconds": seconds, "bytes": size}, durable=False)

    def save_manifest(self, manifest: Manifest) -> None:
        self.write("manifest.json", dataclasses.asdict(manifest))

    def manifest(self) -> Manifest | None:
        with contextlib.suppress(TypeError):
            return Manifest(**self.read("manifest.json"))
        return None

    def drop_dump(self) -> None:
        shutil.rmtree(self.dump, ignore_errors=True)
