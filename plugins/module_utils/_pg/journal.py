"""What a move of data writes down: a private folder on the runner that outlives every run."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError

NEW = "new"


def folder_name(source: str, target: str) -> str:
    return hashlib.sha256(f"{source} {target}".encode()).hexdigest()[:16]


class MoveJournal:
    """Phases and findings of a move; never a password, never a row."""

    def __init__(self, root: Path, source: str, target: str) -> None:
        self.folder = root / folder_name(source, target)
        self.source, self.target = source, target
        self.entries: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "source": source,
            "target": target,
            "phase": NEW,
            "steps": [],
        }

    @property
    def phase(self) -> str:
        return str(self.entries["phase"])

    def load(self) -> None:
        """Read what an earlier run wrote; a journal that cannot be read is an error, not a fresh start."""
        path = self.folder / "journal.json"
        if not path.exists():
            return
        try:
            self.entries = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise PgError(
                f"the journal {path} cannot be read ({error}). Mend: move the folder away; the target must be empty"
            ) from None

    def save(self, **changes: Any) -> None:
        self.entries.update(changes)
        self.write("journal.json", self.entries)

    def record(self, result: dict[str, Any]) -> None:
        """The last time a step was done is the one that counts."""
        steps = [entry for entry in self.entries["steps"] if entry["step"] != result["step"]]
        self.entries["steps"] = [*steps, result]

    def make_folder(self) -> None:
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        os.chmod(self.folder, 0o700)

    @contextlib.contextmanager
    def locked(self, patience: float) -> Iterator[None]:
        """One run at a time; a second one waits and then finds the work done."""
        self.make_folder()
        with open(os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8") as handle:
            deadline = time.monotonic() + patience
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if time.monotonic() >= deadline:
                        handle.seek(0)
                        holder = handle.read().strip() or "unknown"
                        raise PgError(
                            f"another run of this move holds {self.folder}/lock ({holder}). Mend: let it end, or stop that process"
                        ) from None
                    time.sleep(0.5)
            handle.seek(0)
            handle.truncate()
            handle.write(f"process {os.getpid()} since {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}")
            handle.flush()
            self.load()
            yield

    def write(self, filename: str, content: Any, durable: bool = True) -> None:
        """Whole or not at all, for us only."""
        self.make_folder()
        temporary = self.folder / f".{filename}.new"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
            json.dump(content, handle, indent=1, sort_keys=True)
            handle.flush()
            if durable:
                os.fsync(handle.fileno())
        temporary.replace(self.folder / filename)

    def read(self, filename: str) -> Any:
        """What `write` wrote, or None."""
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.folder / filename).read_text(encoding="utf-8"))
        return None
