"""What a move of data writes down: a private folder on the runner that outlives every run. Never a password, never a row or value."""

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
from typing import Any, ClassVar

NEW = "new"


def folder_name(source: str, target: str) -> str:
    return hashlib.sha256(f"{source} {target}".encode()).hexdigest()[:16]


class MoveJournal:
    """Phases and findings of the move of one store, whatever it is."""

    error: ClassVar[type[Exception]]  # as whoever moves that store knows it

    def __init__(self, root: Path, source: str, target: str) -> None:
        self.folder = root / folder_name(source, target)
        self.source, self.target = source, target
        self.entries = self.first()

    def first(self) -> dict[str, Any]:
        """Of a move that has not begun."""
        return {"id": str(uuid.uuid4()), "source": self.source, "target": self.target, "phase": NEW}

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
            raise self.error(
                f"the journal {path} cannot be read ({error}). Mend: move the folder away; the target must be empty then"
            ) from None

    def save(self, **changes: Any) -> None:
        self.entries.update(changes)
        self.write("journal.json", self.entries)

    def write(self, name: str, content: Any, durable: bool = True) -> None:
        """Whole or not at all, for us only."""
        self.make_folder()
        temporary = self.folder / f".{name}.new"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
            json.dump(content, handle, indent=1, sort_keys=True)
            handle.flush()
            if durable:
                os.fsync(handle.fileno())
        temporary.replace(self.folder / name)

    def read(self, name: str) -> Any:
        """What `write` wrote, or None."""
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.folder / name).read_text(encoding="utf-8"))
        return None

    def make_folder(self) -> None:
        self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        os.chmod(self.folder, 0o700)

    @contextlib.contextmanager
    def locked(self, patience: float, makes: bool = True) -> Iterator[None]:
        """One run at a time; the message of the second names the first and its age. `makes`: also where nothing is yet."""
        if not makes and not self.folder.exists():
            yield
            return
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
                        raise self.error(
                            f"another run of this move holds {self.folder}/lock ({self._holder(handle.read())}). "
                            "Mend: let it end, or stop that process; the next run goes on where it was"
                        ) from None
                    time.sleep(0.2)
            handle.seek(0)
            handle.truncate()
            json.dump({"process": os.getpid(), "since": time.time()}, handle)
            handle.flush()
            self.load()
            yield

    def held(self) -> str:
        """Who is at work with it now; empty: nobody on this machine."""
        with contextlib.suppress(FileNotFoundError), open(self.folder / "lock", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return self._holder(handle.read())
        return ""

    @staticmethod
    def _holder(text: str) -> str:
        try:
            said = json.loads(text)
            return f"process {said['process']}, for {time.time() - said['since']:.0f} s"
        except (ValueError, KeyError, TypeError):
            return "unknown"
