"""The keys of rows that changed since the online comparison began, kept on the runner's disk and not in its memory.

They are users' data: the file is for us only and goes with the slot. What was read and how far is written in one transaction, so that a
runner that is killed between two readings neither loses nor invents a key.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.pgoutput import Key, Touched

FILE = "changed_keys.sqlite"
WHOLE = ""  # in place of a key: any row of the table
TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE changed (label TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (label, key)) WITHOUT ROWID;
"""
AT_ONCE = 5000


ENCODE = json.JSONEncoder(ensure_ascii=False).encode


def pack(key: Sequence[str | None]) -> str:
    return ENCODE(list(key))


@functools.cache
def label(schema: str, name: str) -> str:
    return ENCODE([schema, name])


class Keys:
    """Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.lock = threading.RLock()
        self.base: sqlite3.Connection | None = None

    @property
    def present(self) -> bool:
        return self.path.exists()

    def open(self) -> None:
        if self.base is None:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self.base = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
            self.base.execute("PRAGMA journal_mode = TRUNCATE")
            self.base.execute("PRAGMA synchronous = FULL")
            self.base.execute("PRAGMA cache_size = -16384")

    def close(self) -> None:
        if self.base is not None:
            self.base.close()
            self.base = None

    def begin(self, **about: Any) -> None:
        """Empty, for a slot that is about to be made."""
        self.remove()
        self.open()
        with self.lock:
            assert self.base is not None
            self.base.executescript(TABLES)
            self.note(**about)

    def remove(self) -> None:
        self.close()
        for path in (self.path, self.path.with_name(FILE + "-journal")):
            path.unlink(missing_ok=True)

    def about(self) -> dict[str, Any]:
        """What is known of the comparison that these keys belong to; empty where there is none."""
        if not self.present:
            return {}
        self.open()
        with self.lock, contextlib.suppress(sqlite3.DatabaseError):
            assert self.base is not None
            return {name: json.loads(value) for name, value in self.base.execute("SELECT name, value FROM about")}
        return {}

    def note(self, **about: Any) -> None:
        with self.lock:
            assert self.base is not None
            self.base.executemany(
                "INSERT OR REPLACE INTO about VALUES (?, ?)",
                [(name, json.dumps(value)) for name, value in about.items()],
            )

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """All of it or nothing."""
        with self.lock:
            assert self.base is not None
            self.base.execute("BEGIN")
            try:
                yield
            except BaseException:
                self.base.execute("ROLLBACK")
                raise
            self.base.execute("COMMIT")

    def add(self, touched: Iterable[Touched]) -> None:
        assert self.base is not None
        rows = [(label(one.schema, one.name), WHOLE if one.key is None else pack(one.key)) for one in touched]
        self.base.executemany("INSERT OR IGNORE INTO changed VALUES (?, ?)", rows)

    def touched(self, schema: str, name: str) -> bool:
        """Did any row of the table change?"""
        return self._one("SELECT 1 FROM changed WHERE label = ? LIMIT 1", (label(schema, name),))

    def whole(self, schema: str, name: str) -> bool:
        return self._one("SELECT 1 FROM changed WHERE label = ? AND key = ?", (label(schema, name), WHOLE))

    def holds(self, schema: str, name: str, key: Sequence[str | None]) -> bool:
        return self._one("SELECT 1 FROM changed WHERE label = ? AND key = ?", (label(schema, name), pack(key)))

    def _one(self, text: str, values: tuple[str, ...]) -> bool:
        with self.lock:
            assert self.base is not None
            return self.base.execute(text, values).fetchone() is not None

    def counts(self) -> dict[tuple[str, str], int]:
        with self.lock:
            assert self.base is not None
            found = self.base.execute("SELECT label, count(*) FROM changed GROUP BY label").fetchall()
        return {(json.loads(name)[0], json.loads(name)[1]): count for name, count in found}

    def batches(self, schema: str, name: str, size: int = AT_ONCE) -> Iterator[list[Key]]:
        """All keys of a table, a few at a time."""
        after = WHOLE
        while True:
            with self.lock:
                assert self.base is not None
                found = self.base.execute(
                    "SELECT key FROM changed WHERE label = ? AND key > ? ORDER BY key LIMIT ?",
                    (label(schema, name), after, size),
                ).fetchall()
            if not found:
                return
            after = found[-1][0]
            yield [tuple(json.loads(row[0])) for row in found]
