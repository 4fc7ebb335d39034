"""The last backup: every database, the roles, and Redis; verified before anything stops, whole or not there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from ansible_collections.tiketi.platform.plugins.module_utils._pg import tools
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import server
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint as RedisEndpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link
from ansible_collections.tiketi.platform.plugins.module_utils._retire.errors import RetireError
from ansible_collections.tiketi.platform.plugins.module_utils._retire.evidence import APPLICATION

MANIFEST = "backup.json"
GLOBALS_END = "-- PostgreSQL database cluster dump complete"
RDB_HEAD, RDB_END, RDB_CHECKSUM = b"REDIS", b"\xff", 8
DUMP_FILE = "/data/dump.rdb"
POLL = 0.2
SAVE_SECONDS = 3600.0


class Engine(Protocol):
    """What is asked of the container engine."""

    kind: str

    def run(self, *arguments: str, check: bool = True, seconds: float = 900.0) -> subprocess.CompletedProcess[str]: ...


def partial(place: Path) -> Path:
    return place.with_name(f".{place.name}.partial")


def make(place: Path, postgres: dict[str, Any], redis: dict[str, Any], about: dict[str, str]) -> dict[str, Any]:
    """Into a folder of another name, which takes its own when all is verified."""
    work = partial(place)
    shutil.rmtree(work, ignore_errors=True)
    work.parent.mkdir(parents=True, exist_ok=True)
    work.mkdir(mode=0o700)
    os.chmod(work, 0o700)
    manifest = {**about, "postgres": dump_postgres(work, **postgres), "redis": save_redis(work, **redis)}
    with open(os.open(work / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        json.dump(manifest, handle, indent=1, sort_keys=True)
    os.sync()
    if place.exists():
        place.rmdir()  # empty, or it would have been refused
    work.rename(place)
    return manifest


def dump_postgres(work: Path, where: Endpoint, databases: Sequence[str], client: Path) -> dict[str, Any]:
    """Passwords of roles are in the file of the roles, as PostgreSQL keeps them: it is ours alone."""
    folder, log, rows = work / "postgres", work / "postgres.log", []
    folder.mkdir(mode=0o700)
    with tools.client_environment(work, where, APPLICATION) as environment:
        for name in databases:
            place = folder / quote(name, safe="")
            database = name.replace("\\", "\\\\").replace("'", "\\'")
            target = f"--dbname=service={where.side} dbname='{database}'"
            tools.run(
                [str(client / "pg_dump"), "--format=directory", "--jobs=2", f"--file={place}", target], environment, log
            )
            rows.append(
                {"database": name, "folder": f"postgres/{place.name}", **_prove_dump(client, place, environment, log)}
            )
        roles = folder / "globals.sql"
        arguments = ["--globals-only", f"--file={roles}", f"--dbname=service={where.side}"]
        tools.run([str(client / "pg_dumpall"), *arguments], environment, log)
    if GLOBALS_END not in roles.read_text(encoding="utf-8"):
        raise RetireError(f"{roles} has no end. Mend: see {log}, then run again")
    log.unlink()
    return {"server": where.label, "databases": rows, "roles": "postgres/globals.sql"}


def _prove_dump(client: Path, place: Path, environment: dict[str, str], log: Path) -> dict[str, int]:
    """Its list, and each file of it read to the end."""
    listed = place.with_name(f"{place.name}.list")
    tools.run([str(client / "pg_restore"), "--list", f"--file={listed}", str(place)], environment, log)
    entries = sum(1 for line in listed.read_text(encoding="utf-8").splitlines() if line and not line.startswith(";"))
    listed.unlink()
    tools.run([str(client / "pg_restore"), "--file=/dev/null", str(place)], environment, log)
    return {"entries": entries, "bytes": sum(path.stat().st_size for path in place.iterdir())}


def save_redis(
    work: Path, where: RedisEndpoint, engine: Engine, container: str, file: str = DUMP_FILE
) -> dict[str, Any]:
    with Link(where) as link:
        keys = sum(server.databases(server.info(link)).values())
        _save(link)
    place = work / "redis.rdb"
    with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        done = subprocess.run(
            [engine.kind, "exec", container, "cat", file], stdout=handle, stderr=subprocess.PIPE, check=False,
            stdin=subprocess.DEVNULL, cwd="/",
        )  # fmt: skip
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise RetireError(
            f"{file} cannot be read out of {container}: {said}. Mend: see `{engine.kind} logs {container}`"
        )
    prove_rdb(place)
    checked = engine.run("exec", container, "redis-check-rdb", file, check=False)
    if checked.returncode not in (0, 126, 127):  # the last two: the image has no such command
        raise RetireError(f"redis-check-rdb finds {file} of {container} broken. Mend: see the log of Redis")
    return {
        "server": where.label, "file": place.name, "keys": keys, "bytes": place.stat().st_size,
        "sha256": _sha256(place), "checked": checked.returncode == 0,
    }  # fmt: skip


def _save(link: Link) -> None:
    """A save of its own begin: one that runs already may have begun before the last write."""
    end = time.monotonic() + SAVE_SECONDS

    def state() -> dict[str, str]:
        said = {name: value.strip() for name, value in server.info(link).items()}
        if time.monotonic() > end:
            raise RetireError(f"the old Redis did not end its save within {SAVE_SECONDS:.0f} s. Mend: see its log")
        return said

    while state().get("rdb_bgsave_in_progress") == "1" or state().get("aof_rewrite_in_progress") == "1":
        time.sleep(POLL)
    link.call("BGSAVE")
    while (said := state()).get("rdb_bgsave_in_progress") == "1":
        time.sleep(POLL)
    if said.get("rdb_last_bgsave_status") != "ok":
        raise RetireError(
            "the old Redis could not save its data (BGSAVE). Mend: see its log; often memory or disk is short"
        )


def prove_rdb(place: Path) -> None:
    """Begins as an RDB, and ends as one: a copy that was cut has no end mark before its checksum."""
    size = place.stat().st_size
    with place.open("rb") as handle:
        head = handle.read(9)
        handle.seek(max(0, size - RDB_CHECKSUM - 1))
        mark = handle.read(1)
    if not head.startswith(RDB_HEAD) or not head[5:].isdigit() or mark != RDB_END:
        raise RetireError(f"{place} is no whole RDB file ({size} bytes). Mend: run again; see the log of the old Redis")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while part := handle.read(1024**2):
            digest.update(part)
    return digest.hexdigest()
