"""From a module's parameters to a context; every fault of the input at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._cutover.limits import outside
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import (
    ENDPOINT_OPTIONS,
    SSL_MODES,
    VERIFIED,
    Endpoint,
    endpoint,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg.journal import MoveJournal
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import context as contexts
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.limits import LEAST, MOST, POOLER, WAITS
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import (
    FINISHED,
    Ends,
    Peer,
    Pooler,
    Settings,
)

PEER_OPTIONS: dict[str, dict[str, Any]] = {
    "host": {"type": "str"},
    "port": {"type": "int"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "sslmode": {"type": "str", "choices": ["require", "verify-ca", VERIFIED]},
    "ca_file": {"type": "str", "default": ""},
}
POOLER_OPTIONS: dict[str, dict[str, Any]] = {
    "database": {"type": "str", "required": True},
    "admin_socket": {"type": "path", "default": "/var/run/postgresql"},
    "admin_port": {"type": "int", "default": 6432},
    "active_file": {"type": "path", "required": True},
    "pause_timeout": {"type": "float", "default": 5.0},
}
END_ARGUMENTS: dict[str, dict[str, Any]] = {
    "source": {"type": "dict", "required": True, "options": ENDPOINT_OPTIONS},
    "target": {"type": "dict", "required": True, "options": ENDPOINT_OPTIONS},
    "source_sslmode": {"type": "str", "choices": list(SSL_MODES), "default": VERIFIED},
    "source_ca_file": {"type": "path", "default": ""},
    "target_ca_file": {"type": "path", "required": True},
    "publisher": {"type": "dict", "options": PEER_OPTIONS},
    "returner": {"type": "dict", "options": PEER_OPTIONS},
}
SETTING_ARGUMENTS: dict[str, dict[str, Any]] = {
    "jobs": {"type": "int", "default": 4},
    "part_bytes": {"type": "int", "default": 256 * 1024**2},
    "maintenance_work_mem": {"type": "str", "default": "256MB"},
    "rate_limit": {"type": "int", "default": 0},
    "source_latency_limit": {"type": "float", "default": 0.0},
    "max_lag": {"type": "int", "default": 16 * 1024**2},
    "follow_timeout": {"type": "float", "default": 3600.0},
    "freeze_budget": {"type": "float", "default": 30.0},
    "compare": {"type": "str", "choices": ["changed", "full"], "default": "changed"},
    "sequence_margin": {"type": "int", "default": 1000},
    "application_roles": {"type": "list", "elements": "str", "default": []},
    "left_extension_tables": {"type": "list", "elements": "str", "default": []},
    "slot_wal_limit": {"type": "int", "default": 10 * 1024**3},
    "lock_wait": {"type": "float", "default": 0.0},
    "client_folder": {"type": "str", "default": ""},
    "folder": {"type": "path", "default": "/var/lib/platform_migration"},
    "run_folder": {"type": "path", "default": "/run/platform_migration"},
    "pooler": {"type": "dict", "options": POOLER_OPTIONS},
    "attach": {"type": "float", "default": 0.0},
    "restart": {"type": "bool", "default": False},
    "rehearse": {"type": "bool", "default": False},
    "clean_target": {"type": "bool", "default": False},
}


def peer(given: Mapping[str, Any] | None, of: Endpoint) -> Peer:
    """How the other server reaches this end; what is not said is as this runner does it, verified where there is a CA file."""
    chosen = {key: value for key, value in (given or {}).items() if value not in (None, "")}
    return Peer(
        host=str(chosen.get("host", of.host)),
        port=int(chosen.get("port", of.port)),
        username=str(chosen.get("username", of.username)),
        password=str(chosen.get("password", of.password)),
        sslmode=str(chosen.get("sslmode", VERIFIED if "ca_file" in chosen else "require")),
        ca_file=str(chosen.get("ca_file", "")),
    )


def peer_faults(side: str, chosen: Mapping[str, Any]) -> list[str]:
    """Say which keys of a peer lack the one they belong to."""
    found = []
    if chosen.get("sslmode") in ("verify-ca", VERIFIED) and not chosen.get("ca_file"):
        found.append(f"{side}.sslmode {chosen['sslmode']} needs {side}.ca_file, a path on the subscriber's machine")
    if bool(chosen.get("username")) != bool(chosen.get("password")):
        found.append(f"{side}: username and password belong together")
    return found


def faults(given: Mapping[str, Any]) -> list[str]:
    """What is wrong with numbers and combinations, before any server is asked."""
    found = outside(given, {**LEAST, **WAITS}, MOST)
    found += [f"pooler.{text}" for text in outside(given["pooler"], POOLER)] if given.get("pooler") else []
    for side in ("publisher", "returner"):
        found += peer_faults(side, given.get(side) or {})
    shut_out = given["application_roles"]
    for side in ("source", "target"):
        if given[side]["username"] in shut_out:
            found.append(
                f"application_roles names {given[side]['username']}, the login that the move itself uses ({side})"
            )
    return found


def settings(given: Mapping[str, Any]) -> Settings:
    known = {one.name for one in fields(Settings)} - {"pooler", "verify", "application_roles", "left_extension_tables"}
    return Settings(
        **{name: given[name] for name in SETTING_ARGUMENTS if name in known},
        verify=given["compare"],
        application_roles=tuple(given["application_roles"]),
        left_extension_tables=tuple(given["left_extension_tables"]),
        pooler=Pooler(**given["pooler"]) if given["pooler"] else Pooler(),
    )


def _finished(given: Mapping[str, Any], ends: Mapping[str, Endpoint]) -> bool:
    journal = MoveJournal(Path(given["folder"]), ends["source"].label, ends["target"].label)
    journal.load()
    return journal.phase == FINISHED and not journal.entries.get("left")


def context(given: Mapping[str, Any]) -> Context:
    """Raises PgError with every fault of the input in one message."""
    wrong = faults(given)
    ends: dict[str, Endpoint] = {}
    sides = (
        ("source", given["source_sslmode"], given["source_ca_file"]),
        ("target", VERIFIED, given["target_ca_file"]),
    )
    for side, sslmode, ca_file in sides:
        try:
            ends[side] = endpoint(side, given[side], sslmode, ca_file)
        except PgError as error:
            wrong.append(str(error))
    finished = len(ends) == len(sides) and _finished(given, ends)
    for side, _, ca_file in sides:
        # The source of a finished move may be gone, and its authority with it; nothing connects to it any more.
        if ca_file and not Path(ca_file).exists() and not (finished and side == "source"):
            wrong.append(f"{side}_ca_file: {ca_file} is not on this host (role data_runner copies the target's)")
    if len(ends) == len(sides) and ends["source"].label == ends["target"].label:
        wrong.append(f"source and target are the same database, {ends['source'].label}")
    if wrong:
        raise PgError("; ".join(wrong))
    source, target = ends["source"], ends["target"]
    both = Ends(source, target, peer(given["publisher"], source), peer(given["returner"], target))
    return contexts.make(both, settings(given))
