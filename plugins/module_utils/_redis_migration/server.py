"""What a server says about itself. Managed servers refuse some of the questions; then the answer is learned by trying."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError, ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import MARKER, Server
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Command, Link

# Each is harmless on a key that is not there. Which exist differs by product, version and rights.
TRIALS: dict[str, Command] = {
    "scan": ("SCAN", 0, "COUNT", 1),
    "dump": ("DUMP", MARKER),
    "pexpiretime": ("PEXPIRETIME", MARKER),
    "memory": ("MEMORY", "USAGE", MARKER),
    "functions": ("FUNCTION", "LIST"),
    "acl": ("ACL", "GETUSER", "default"),
    "config": ("CONFIG", "GET", "min-replicas-to-write"),
}


def info(link: Link) -> dict[str, str]:
    lines = link.call("INFO").decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def databases(said: dict[str, str]) -> dict[int, int]:
    found = {}
    for name, value in said.items():
        if name.startswith("db") and name[2:].isdigit():
            fields = dict(part.split("=", 1) for part in value.split(",") if "=" in part)
            found[int(name[2:])] = int(fields.get("keys", 0))
    return {number: keys for number, keys in sorted(found.items()) if keys}


def product(said: dict[str, str]) -> tuple[str, tuple[int, ...]]:
    for name, key in (("dragonfly", "dragonfly_version"), ("valkey", "valkey_version"), ("redis", "redis_version")):
        if key in said:
            digits = said[key].removeprefix("df-").lstrip("v").split("-")[0]
            return name, tuple(int(part) for part in digits.split(".") if part.isdigit())
    return "unknown", ()


def clock(link: Link) -> float:
    """Milliseconds that the server's clock is ahead of ours; the best of three, for the way takes time too."""
    best: tuple[float, float] | None = None
    for _ in range(3):
        before = time.time() * 1000
        seconds, micros = link.call("TIME")
        after = time.time() * 1000
        there = int(seconds) * 1000 + int(micros) / 1000
        if best is None or after - before < best[0]:
            best = (after - before, there - (before + after) / 2)
    return best[1] if best else 0.0


def _works(reply: Any) -> bool:
    return not isinstance(reply, ReplyError)


def read_server(link: Link) -> Server:
    said = info(link)
    replies = link.ask(list(TRIALS.values()))
    name, version = product(said)
    if name == "unknown":
        raise RedisMoveError(f"{link.where.side} {link.where.label}: INFO names no Redis, Valkey or Dragonfly")

    def number(key: str) -> int:
        text = said.get(key, "0").strip()
        return int(text) if text.lstrip("-").isdigit() else 0

    return Server(
        product=name,
        version=version,
        run_id=said.get("run_id") or said.get("master_replid", ""),
        role=said.get("role", "master"),
        cluster=said.get("cluster_enabled", "0").strip() == "1",
        databases=databases(said),
        used_memory=number("used_memory"),
        max_memory=number("maxmemory"),
        policy=said.get("maxmemory_policy", "").strip(),
        evicted=number("evicted_keys"),
        clock=clock(link),
        can=frozenset(trial for trial, reply in zip(TRIALS, replies, strict=True) if _works(reply)),
    )


def functions(link: Link) -> list[str]:
    """Names of function libraries, which are no keys."""
    try:
        libraries = link.call("FUNCTION", "LIST")
    except ReplyError:
        return []
    return [library[1].decode("utf-8", "replace") for library in libraries if len(library) > 1]


def changes(link: Link) -> int | None:
    """A counter of writes, where the server has one; a save sets it back."""
    value = info(link).get("rdb_changes_since_last_save")
    return int(value) if value and value.strip().isdigit() else None


def dump_version(payload: bytes) -> int:
    """The format version that DUMP puts before the checksum."""
    return int.from_bytes(payload[-10:-8], "little")
