"""Where a database of PgBouncer is: read it back, and lead it to another server."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.admin import Console
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.errors import PgBouncerError
from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.model import Server, parse, render

INCLUDE = "/etc/pgbouncer/databases.ini"


@dataclass(frozen=True)
class Switched:
    """What a switch did. `before` is none where the database was not there."""

    changed: bool
    before: Server | None
    after: Server


def read(path: str = INCLUDE) -> dict[str, Server]:
    """What is active, by name of the database; nothing where the file is not there yet."""
    try:
        return parse(Path(path).read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        return {}


def write(databases: Mapping[str, Server], path: str = INCLUDE) -> bool:
    """Replace the file at once, so that a reload at any moment sees the old or the new whole."""
    text, target = render(databases), Path(path)
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return False
    handle, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            # PgBouncer reads it as its own user, and it may hold a password: 0600 from mkstemp, owned by the folder's.
            owner = target.stat() if target.exists() else target.parent.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        os.replace(partial, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise
    _sync_folder(target.parent)
    return True


def switch(console: Console, database: str, server: Server, path: str = INCLUDE) -> Switched:
    """Lead `database` to `server`: written first, then loaded, then proved by what PgBouncer itself shows.

    It neither pauses nor resumes: the caller holds the pause. Safe to repeat. When PgBouncer does not take the new
    entry, the old one is put back before the error is raised.
    """
    known = read(path)
    before = known.get(database)
    changed = write({**known, database: server}, path)
    try:
        console.reload()
        prove(console, {database: server})
    except PgBouncerError:
        if before is not None and changed:
            write({**known, database: before}, path)
            console.reload()
        raise
    return Switched(changed, before, server)


def prove(console: Console, databases: Mapping[str, Server]) -> None:
    """Compare with what PgBouncer itself shows."""
    shown = {row["name"]: (row["host"], int(row["port"] or 0), row["database"]) for row in console.show("DATABASES")}
    for name, server in databases.items():
        if name not in shown:
            raise PgBouncerError(
                f"PgBouncer does not know the database {name} that its configuration declares. "
                "Mend: see its log (journalctl -u pgbouncer) for a fault in the configuration."
            )
        if shown[name] != server.place:
            host, port, dbname = shown[name]
            raise PgBouncerError(
                f"after its reload PgBouncer leads {name} to {host}:{port}/{dbname} and not to {server.label}. "
                "Mend: see its log (journalctl -u pgbouncer) for a fault in the configuration."
            )


def _sync_folder(folder: Path) -> None:
    """A rename is safe on disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
