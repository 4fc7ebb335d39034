"""Stores that are moved in the same freeze as the database, with one verdict: Redis behind its proxy."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._cutover.participant import Participant
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.switch import ProxySwitch
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import (
    ENDPOINT_OPTIONS,
    endpoint,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.forecast import forecast, measures
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.look import look
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import (
    NEW,
    SWITCHED,
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
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.server import read_server
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.survey import survey
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.telling import Tell, nobody
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.way_back import WayBack
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link

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

    def foresee(self) -> tuple[float, list[str]]:
        """Seconds of its part of a freeze and what stands in the way, for check mode; read only."""
        self.journal.load()
        found = look(self.source, self.target, self.options, self.journal)
        problems = [str(finding) for finding in found.findings]
        foreseen = forecast(self.source, found.survey, measures(self.journal))
        return foreseen.seconds, [*problems, *foreseen.told]

    def recipe(self) -> tuple[str, dict[str, Any]]:
        """For the watchdog, which has to make it again in its own process."""
        return f"{__name__}:forward", {"known": self.known}


class RedisReturn:
    """Redis on the way back. Nothing that it does before `open` needs undoing but a pause, which ends by itself."""

    def __init__(self, move: Move, known: Mapping[str, Any]) -> None:
        if move.switch is None:
            raise MigrationError("redis: no proxy is given, so nothing could be switched. Mend: role redis_proxy")
        self.move, self.proxy, self.known, self.notices = move, move.switch, dict(known), move.notices
        self.name = f"redis {move.source.label}"
        self.seconds: dict[str, float] = {}
        self.tell: Tell = nobody  # how far it is, while it is made ready
        self.journal = Journal(move.folder, move.source.label, move.target.label)
        self._stack = contextlib.ExitStack()
        self._back: WayBack | None = None

    def foresee(self) -> tuple[float, list[str]]:
        """Seconds of its part of a freeze of the way back, and what a person should know; read only."""
        self.journal.load()
        if self.journal.phase != SWITCHED:
            return 0.0, [f"{self.name}: its writers are at the old side, there is nothing to bring back"]
        target = self.move.target
        with Link(target) as there:
            server = read_server(there)
            found = survey(there, server, self.move.options.rules, self.move.options.big_bytes)
        foreseen = forecast(target, found, measures(self.journal))
        return foreseen.seconds, foreseen.told

    def prepare(self) -> None:
        """Carries back and compares everything while users work at the new side."""
        back = self._locked()
        if back.wanted and not back.half_open():
            with self._timed("prepare"):
                back.prepare()

    def freeze(self) -> None:
        back = self._locked()
        if back.wanted and not back.half_open():
            back.freeze()

    def settle(self) -> list[str]:
        back = self._locked()
        if not back.wanted or back.half_open():
            return []
        with self._timed("settle"):
            return [str(difference) for difference in back.settle()]

    def switch(self) -> None:
        """Nothing yet: until every store is ready, writers can still be let go where they are."""
        back = self._locked()
        if back.wanted and not back.half_open() and not back.holds():
            raise MigrationError(f"{self.name}: its writers were not held until now. Mend: run rollback again")

    def open(self) -> None:
        back = self._locked()
        with self._timed("open"):
            if back.wanted and back.holds():
                back.open()
            elif back.wanted:
                self._late()
        self.close()

    def _late(self) -> None:
        """A run died after the decision: what was written at the new side since has to come along."""
        self.close()
        store = RedisStore(self.move, self.known)
        try:
            store.roll_back()
        finally:
            self.seconds |= store.waited
            store.close()

    def near(self) -> None:
        if self._back:
            self._back.near()

    def predict(self) -> float:
        return self._back.predict() if self._back else 0.0

    def cancel(self) -> None:
        """Somebody waits in vain: whatever hangs now must do nothing when it comes back."""
        if self._back:
            self._back.cancel()

    def reopen(self) -> None:
        back = self._locked()
        if not back.wanted or back.half_open():
            raise MigrationError(
                f"{self.name} is at the old side already, and the database is not. Mend: run rollback again, or redis_migration with step=cutover"
            )
        back.abandon()
        self.close()

    def close(self) -> None:
        if self._back:
            self._back.close()
            self._back = None
        self._stack.close()

    def recipe(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}:back", {"known": self.known}

    def _locked(self) -> WayBack:
        if self._back is None:
            self._stack.enter_context(self.journal.locked(self.move.options.lock_wait))
            move = self.move
            say = move.notices.append
            self._back = WayBack(move.source, move.target, move.options, self.journal, self.proxy, say, self.tell)
        return self._back

    @contextlib.contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[step] = round(time.monotonic() - began, 3)


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


def finish(known: Mapping[str, Any], check: bool, clean_target: bool = False) -> dict[str, Any]:
    """What the move left on both Redis servers goes away; where writers never left the old one, the move is given up."""
    move = _move(known)
    move.clean_target = clean_target
    journal = Journal(move.folder, move.source.label, move.target.label)
    journal.load()
    if journal.phase == NEW:
        return {"changed": False, "message": "", "notices": []}
    return migrate(move, FINISH, check)
