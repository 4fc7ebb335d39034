"""What postgresql.auto.conf held before us, kept on the host beside our authority: to put back what keeps a server from starting."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import autoconf


@dataclass(frozen=True)
class Record:
    """The folder of one server, by its system identifier."""

    folder: Path

    @property
    def _file(self) -> Path:
        return self.folder / "settings.json"

    def make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(self.folder, 0o700)

    def _load(self) -> dict[str, dict[str, str | float | None]]:
        try:
            return dict(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def note(self, auto: str, values: Mapping[str, str]) -> None:
        """Before settings are changed. What was there before the first change of ours stays what was there before us."""
        known, before, now = self._load(), autoconf.parse(auto), time.time()
        for name, value in values.items():
            first = known.get(name, {}).get("first", before.get(name))
            known[name] = {"first": first, "was": before.get(name), "ours": value, "at": now}
        self._save(known)

    def unproven(self, started: float) -> dict[str, str | None]:
        """Settings that no start of the server has seen yet, as they were before."""
        return {name: _text(one["was"]) for name, one in self._load().items() if float(one["at"] or 0) > started}

    def first(self, auto: str) -> dict[str, str | None]:
        """What was there before us, of settings that are still as we left them: a value changed since is somebody's."""
        now = {name: value.strip("'") for name, value in autoconf.parse(auto).items()}
        return {name: _text(one["first"]) for name, one in self._load().items() if now.get(name) == one["ours"]}

    def forget(self, names: Mapping[str, object]) -> None:
        self._save({name: one for name, one in self._load().items() if name not in names})

    def _save(self, known: Mapping[str, object]) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")
        os.replace(new, self._file)


def _text(value: str | float | None) -> str | None:
    return None if value is None else str(value)
