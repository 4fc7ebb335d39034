"""What a play declares against what is active: the declaration fills gaps, and takes nothing back unless told so. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.model import Server

KEEP, SET = "keep", "set"


@dataclass(frozen=True)
class Declared:
    """The entries to be written, and the databases that stay on another server than the declared one."""

    databases: Mapping[str, Server]
    kept: tuple[str, ...] = ()


def declare(current: Mapping[str, Server], wanted: Mapping[str, Server], active: str) -> Declared:
    """A database that a move led elsewhere stays there with `keep`; how it is pooled follows the declaration."""
    result, kept = {}, []
    for name, server in wanted.items():
        found = current.get(name)
        if found is None or active == SET or found.place == server.place:
            result[name] = server
            continue
        kept.append(name)
        result[name] = replace(found, connect_query=server.connect_query, pool_size=server.pool_size)
    return Declared(result, tuple(kept))


def lines(databases: Mapping[str, Server]) -> str:
    """For a diff: without passwords."""
    return "".join(
        f"{name} = {server.label}"
        + (f" as {server.user}" if server.user else "")
        + (f" pool_size={server.pool_size}" if server.pool_size else "")
        + (f" connect_query={server.connect_query}" if server.connect_query else "")
        + "\n"
        for name, server in sorted(databases.items())
    )
