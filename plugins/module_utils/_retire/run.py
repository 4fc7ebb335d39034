"""Taking the old stores away: asked, saved, marked, removed; in this order, so that a killed run is gone on with."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._compose.engine import Engine
from ansible_collections.tiketi.platform.plugins.module_utils._pg import tools
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint as RedisEndpoint
from ansible_collections.tiketi.platform.plugins.module_utils._retire import backup, evidence, host, plan
from ansible_collections.tiketi.platform.plugins.module_utils._retire.errors import RefusedError
from ansible_collections.tiketi.platform.plugins.module_utils._retire.model import (
    POSTGRES,
    REDIS,
    Answers,
    Found,
    Wish,
)


@dataclass(frozen=True)
class Places:
    """The old servers, and the files of this host that say who is led where."""

    postgres: Endpoint
    redis: RedisEndpoint
    migration: Path
    redis_migration: Path
    pooler: str
    proxy: Path
    proxy_socket: Path


def retire(wish: Wish, places: Places, engine: Engine | None, check: bool) -> dict[str, Any]:
    with host.locked(wish):
        return _retire(wish, places, engine, check)


def _retire(wish: Wish, places: Places, engine: Engine | None, check: bool) -> dict[str, Any]:
    found = host.look(wish, engine)
    steps = plan.steps(found, wish)
    if not steps:
        return _result(False, [], "nothing of the old stores is on this host", found, wish)
    saving = plan.needs_backup(found, wish)
    answers = _ask(found, wish, places)
    reasons = _reasons(found, wish, places, answers)
    client, major = tools.find_client(answers[POSTGRES].major) if answers[POSTGRES].major else (None, 0)
    if saving and answers[POSTGRES].major and client is None:
        wanted = answers[POSTGRES].major
        reasons.append(f"this host has no pg_dump {wanted} (found {major or 'none'}). Mend: role data_runner")
    if reasons:
        raise RefusedError(reasons)
    kept = () if wish.remove_data else found.volumes
    actions = [f"save the old stores to {wish.backup_dir}"] if saving else []
    actions += [step.text for step in steps]
    place = wish.backup_dir if saving else ""
    if check:
        return _result(True, actions, "the old stores would be taken away", found, wish, place)
    if saving and client:
        _save(wish, places, answers, engine, client)
    if found.marker is None:
        host.write_marker(wish, place, kept)
    for step in steps:
        host.take_away(wish, step, engine)
    if found.marker is not None and found.volumes and not kept:
        host.write_marker(wish, found.marker.get("backup", ""), kept, found.marker.get("retired", ""))
    note = host.leave_folder(wish)
    return _result(True, actions, "the old stores are taken away", found, wish, place, [note] if note else [])


def _ask(found: Found, wish: Wish, places: Places) -> dict[str, Answers]:
    """Only what runs can be asked; what does not run serves nobody."""
    answers = {POSTGRES: Answers(), REDIS: Answers()}
    if found.containers.get(wish.container(POSTGRES)):
        answers[POSTGRES] = evidence.ask_postgres(places.postgres)
    if found.containers.get(wish.container(REDIS)):
        answers[REDIS] = evidence.ask_redis(places.redis, plan.needs_backup(found, wish))
    return answers


def _reasons(found: Found, wish: Wish, places: Places, answers: dict[str, Answers]) -> list[str]:
    old = {POSTGRES: (places.postgres.host, places.postgres.port), REDIS: (places.redis.host, places.redis.port)}
    reasons: list[str] = []
    if found.marker is None or found.containers:
        reasons += plan.journal_reasons(
            "PostgreSQL", places.postgres.label, evidence.journals(places.migration), plan.POSTGRES_STILL
        )
        reasons += plan.journal_reasons(
            "Redis", places.redis.label, evidence.journals(places.redis_migration), plan.REDIS_STILL
        )
    reasons += evidence.pooler_reasons(places.pooler, old[POSTGRES])
    reasons += evidence.proxy_reasons(places.proxy, places.proxy_socket, old[REDIS])
    there = {store: where for store, where in old.items() if wish.container(store) in found.containers}
    reasons += plan.place_reasons(found.published, there)
    for one in answers.values():
        reasons += one.reasons
    known = wish.backup_dir if found.marker is None else found.marker.get("backup", "")
    reasons += plan.backup_reasons(found, wish, bool(known) and host.holds_something(Path(known)))
    if plan.needs_backup(found, wish) and Path(wish.backup_dir).is_absolute():
        needed = sum(one.bytes for one in answers.values())
        reasons += plan.room_reasons(wish, needed, host.free_bytes(Path(wish.backup_dir)))
    return reasons


def _save(wish: Wish, places: Places, answers: dict[str, Answers], engine: Engine | None, client: Path) -> None:
    backup.make(
        Path(wish.backup_dir),
        {
            "where": replace(places.postgres, side="source"),
            "databases": answers[POSTGRES].databases,
            "client": client,
        },
        {"where": places.redis, "engine": engine, "container": wish.container(REDIS)},
        {"made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "stage": wish.stage},
    )


def _result(
    changed: bool,
    actions: list[str],
    message: str,
    found: Found,
    wish: Wish,
    place: str = "",
    notes: list[str] | None = None,
) -> dict[str, Any]:
    kept = [] if wish.remove_data else list(found.volumes)
    saved = place or (found.marker or {}).get("backup", "")
    return {
        "changed": changed,
        "actions": actions,
        "message": message,
        "backup": saved,
        "kept": kept,
        "notes": notes or [],
        "diff": {
            "before": "".join(f"{one}\n" for one in _there(found)),
            "after": "".join(f"volume {one}\n" for one in kept),
        },
    }


def _there(found: Found) -> list[str]:
    lines = [f"container {name}" for name in sorted(found.containers)]
    lines += [f"pod {found.pod}"] if found.pod else []
    lines += [f"network {found.network}"] if found.network else []
    return [*lines, *(f"file {path}" for path in found.files), *(f"volume {name}" for name in found.volumes)]
