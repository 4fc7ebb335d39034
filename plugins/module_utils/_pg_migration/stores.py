"""Stores that are moved in the same freeze as the database, with one verdict: Redis behind its proxy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._cutover.participant import Participant
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.switch import ProxySwitch
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import (
    ENDPOINT_OPTIONS,
    endpoint,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import (
    SWITCHED,
    VERIFIED,
    Options,
    rules,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.participant import RedisParticipant
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.run import (
    FINISH,
    PREFLIGHT,
    Move,
    migrate,
)

REDIS_OPTIONS: dict[str, dict[str, Any]] = {
    "source": {"type": "dict", "required": True, "options": ENDPOINT_OPTIONS},
    "target": {"type": "dict", "required": True, "options": ENDPOINT_OPTIONS},
    "keys": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "no_log": False,
        "options": {
            "keys": {"type": "str", "required": True, "no_log": False},
            "kind": {"type": "str", "required": True, "choices": ["state", "cache", "skip"]},
        },
    },
    "copy_cache": {"type": "bool", "default": False},
    "share_token": {"type": "bool", "default": False, "no_log": False},
    "proxy_socket": {"type": "path", "required": True},
    "proxy_config": {"type": "path", "default": "/etc/redis-proxy/haproxy.cfg"},
    "folder": {"type": "path", "default": "/var/lib/platform_redis_migration"},
}


class RedisStore(RedisParticipant):
    """Redis on the way to the new server."""

    def __init__(self, move: Move, known: Mapping[str, Any]) -> None:
        if move.switch is None:
            raise MigrationError("redis: no proxy is given, so nothing could be switched. Mend: role redis_proxy")
        super().__init__(move.source, move.target, move.options, move.folder, move.switch, say=move.notices.append)
        self.known, self.notices = dict(known), move.notices

    @property
    def seconds(self) -> dict[str, float]:
        return self.waited

    def recipe(self) -> tuple[str, dict[str, Any]]:
        """For the watchdog, which has to make it again in its own process."""
        return f"{__name__}:forward", {"known": self.known}


class RedisReturn:
    """Redis on the way back: its own rollback is one step, done while the database holds its writers."""

    def __init__(self, move: Move, known: Mapping[str, Any]) -> None:
        self.move, self.known, self.notices = move, dict(known), move.notices
        self.name = f"redis {move.source.label}"
        self.seconds: dict[str, float] = {}

    def prepare(self) -> None:
        """The pass that is slow is part of the rollback itself."""

    def freeze(self) -> None:
        """Its writers are held inside `switch`, where they can still be let go at the new side."""

    def settle(self) -> list[str]:
        return []

    def switch(self) -> None:
        if self._at_new_side():
            store = RedisStore(self.move, self.known)
            try:
                store.roll_back()
            finally:
                self.seconds = store.waited
                store.close()

    def open(self) -> None:
        """It is, since `switch`."""

    def reopen(self) -> None:
        if not self._at_new_side():
            raise MigrationError(
                f"{self.name} is at the old side already, and the database is not. Mend: run rollback again, or redis_migration with step=cutover"
            )

    def recipe(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}:back", {"known": self.known}

    def _at_new_side(self) -> bool:
        journal = Journal(self.move.folder, self.move.source.label, self.move.target.label)
        journal.load()
        return journal.phase == SWITCHED


def _move(known: Mapping[str, Any]) -> Move:
    options = Options(rules=rules(known["keys"], known["copy_cache"]), share_token=known["share_token"])
    return Move(
        source=endpoint("source", known["source"]),
        target=endpoint("target", known["target"]),
        options=options,
        folder=Path(known["folder"]),
        switch=ProxySwitch(Path(known["proxy_socket"]), Path(known["proxy_config"])),
    )


def forward(known: Mapping[str, Any]) -> Participant:
    return RedisStore(_move(known), known)


def back(known: Mapping[str, Any]) -> Participant:
    return RedisReturn(_move(known), known)


def preflight(known: Mapping[str, Any]) -> dict[str, Any]:
    """Read only; raises with every finding."""
    return migrate(_move(known), PREFLIGHT, False)


def finish(known: Mapping[str, Any], check: bool) -> dict[str, Any]:
    """What the move left on both Redis servers goes away; nothing to do where writers never left the old one."""
    move = _move(known)
    journal = Journal(move.folder, move.source.label, move.target.label)
    journal.load()
    if journal.phase not in (SWITCHED, VERIFIED):
        return {"changed": False, "message": "", "notices": []}
    return migrate(move, FINISH, check)
