"""Holding writers: a pause that ends by itself when we die, and a refusal that stays."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import threading
import time
from dataclasses import replace
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError, ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link, pairs

PAUSE_MS, RENEW_SECONDS = 3000, 0.75
GRACE = 0.1  # seconds for the last answers to reach their clients before sessions are cut
MIGRATION_USER = "platform-migration"
CALLED_OFF = "the cutover was called off meanwhile"


class Pause:
    """CLIENT PAUSE WRITE, renewed until released. Held commands wait in the server and are not executed."""

    def __init__(self, where: Endpoint, limit: float) -> None:
        self.where, self.limit = where, limit
        self.held = False
        self.broken = ""
        self._cancelled = False
        self._holding = threading.Lock()
        self._talking = threading.Lock()  # the renewal and we share the connection
        self._until = self._since = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._link: Link | None = None

    def hold(self) -> bool:
        """Whether the server can hold writers only; when this returns true it does."""
        if self.held:
            return True
        link = Link(self.where, timeout=10)
        until = time.monotonic() + PAUSE_MS / 1000
        try:
            link.call("CLIENT", "PAUSE", PAUSE_MS, "WRITE")
        except ReplyError:
            link.close()
            return False
        with self._holding:
            if self._cancelled:  # not renewed, it ends by itself; another attempt may hold the writers already
                link.close()
                raise RedisMoveError(CALLED_OFF)
            self._link, self.broken, self._until = link, "", until
            self.held, self._since = True, time.monotonic()
            self._stop.clear()
            self._thread = threading.Thread(target=self._renew, args=(link, self._since + self.limit), daemon=True)
            self._thread.start()
        return True

    def cancel(self) -> None:
        """From now on this pause holds nobody whom it does not hold already."""
        with self._holding:
            self._cancelled = True

    def _renew(self, link: Link, end: float) -> None:
        while not self._stop.wait(RENEW_SECONDS):
            began = time.monotonic()
            if began > end:
                self.broken = (
                    f"the freeze took longer than its limit of {self.limit:.0f} s; writers go on at {self.where.label}"
                )
                return
            try:
                with self._talking:
                    link.call("CLIENT", "PAUSE", PAUSE_MS, "WRITE")
            except RedisMoveError as error:
                self.broken = f"the pause could not be renewed: {error}"
                return
            if time.monotonic() > self._until:  # it may have ended before this renewal arrived
                self.broken = f"a renewal of the pause came too late; writers may have gone on at {self.where.label}"
                return
            self._until = began + PAUSE_MS / 1000

    def assure(self) -> None:
        """Raise unless writers have been held without a gap until now."""
        if not self.held:
            raise RedisMoveError(f"writers are not held at {self.where.label}. Mend: reopen, and cut over again")
        if not self.broken and time.monotonic() > self._until:
            self.broken = f"the pause was not renewed in time; writers may have gone on at {self.where.label}"
        if self.broken:
            raise RedisMoveError(f"{self.broken}. Mend: reopen, and cut over again when the servers answer faster")

    def cut(self) -> list[str]:
        """End the sessions that are held, over our own connection: it goes on holding those that come."""
        if not self.held or self._link is None:
            return []
        with self._talking:
            return cut_others(self._link)

    def let_answers_arrive(self) -> None:
        """A command that was executed just before the pause must not be repeated for want of its answer."""
        time.sleep(max(0.0, min(GRACE, self._since + GRACE - time.monotonic())))

    def lift(self) -> None:
        """End the pause, also one that a run which died has left."""
        if self.held:
            return self.release()
        with contextlib.suppress(RedisMoveError), Link(self.where) as link:
            link.call("CLIENT", "UNPAUSE")

    def release(self) -> None:
        if not self.held:
            return
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=15)
        self.held = False
        if self._link:
            self._link.close()
        try:
            with Link(self.where) as link:  # the session that paused may have been cut meanwhile
                link.call("CLIENT", "UNPAUSE")
        except RedisMoveError:  # not known there: the pause ends by itself
            time.sleep(max(0.0, min(PAUSE_MS / 1000, self._until - time.monotonic())))


def migration_login(where: Endpoint, move_id: str) -> Endpoint:
    """The login that alone may write while others are refused; its password is made from what both runs know."""
    made = hmac.new(where.password.encode(), f"{MIGRATION_USER} {move_id}".encode(), hashlib.sha256).hexdigest()
    return replace(where, username=MIGRATION_USER, password=made)


class Refusal:
    """The source refuses writes of everyone but the move, until permitted again. A restart of the source forgets it."""

    def __init__(self, where: Endpoint, move_id: str) -> None:
        self.where, self.move_id = where, move_id

    def look(self) -> dict[str, Any]:
        """How writes can be refused there, and everything needed to take it back. Changes nothing."""
        with Link(self.where) as link:
            try:
                users = [name for name in link.call("ACL", "USERS") if name != MIGRATION_USER.encode()]
                return {"method": "acl", "users": {name.decode(): self._rights(link, name) for name in users}}
            except ReplyError as refused:
                with contextlib.suppress(ReplyError):
                    now = link.call("CONFIG", "GET", "min-replicas-to-write")
                    if now:
                        return {"method": "min-replicas-to-write", "before": now[1].decode()}
                raise RedisMoveError(
                    f"{self.where.side} {self.where.label}: it cannot be made to refuse writes, neither ACL nor CONFIG may be used "
                    f"({refused}). Mend: give the login +acl"
                ) from None

    @staticmethod
    def _rights(link: Link, name: bytes) -> dict[str, Any]:
        said = pairs(link.call("ACL", "GETUSER", name))

        def text(value: Any) -> str:
            return b" ".join(value).decode() if isinstance(value, list) else (value or b"").decode()

        selectors = [{part: text(value) for part, value in pairs(row).items()} for row in said.get("selectors") or []]
        return {"commands": text(said.get("commands")), "selectors": selectors}

    def refuse(self, seen: dict[str, Any]) -> None:
        with Link(self.where) as link:
            if seen["method"] != "acl":
                link.call("CONFIG", "SET", "min-replicas-to-write", 1_000_000)
                return
            login = migration_login(self.where, self.move_id)
            grant = ("ACL", "SETUSER", MIGRATION_USER, "on", f">{login.password}", "~*")
            try:
                link.call(*grant, "&*", "+@all")
            except ReplyError:  # channels are not known before 6.2
                link.call(*grant, "+@all")
            for name, rights in seen["users"].items():
                link.call("ACL", "SETUSER", name, *_selectors(rights, " -@write"), "-@write")

    def permit(self, seen: dict[str, Any]) -> None:
        with Link(self.where) as link:
            if seen["method"] != "acl":
                link.call("CONFIG", "SET", "min-replicas-to-write", seen["before"])
                return
            for name, rights in seen["users"].items():
                link.call("ACL", "SETUSER", name, *_selectors(rights, ""), "nocommands", *rights["commands"].split())
            link.call("ACL", "DELUSER", MIGRATION_USER)


def _selectors(rights: dict[str, Any], more: str) -> list[str]:
    """Selectors can only be replaced as a whole."""
    rows = rights["selectors"]
    made = [
        f"({' '.join(filter(None, (row.get('commands'), row.get('keys'), row.get('channels'))))}{more})" for row in rows
    ]
    return ["clearselectors", *made] if made else []


def cut(where: Endpoint) -> list[str]:
    """End the sessions of everyone else. Commands that were held in them are dropped, not executed. What could not be ended, in words."""
    with Link(where) as link:
        return cut_others(link)


def cut_others(link: Link) -> list[str]:
    """All but this one, by their kind; where the server does not know kinds (Dragonfly), one by one."""
    try:
        for kind in ("normal", "pubsub"):
            link.call("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        return []
    except ReplyError:
        pass
    try:
        own, listed = str(link.call("CLIENT", "ID")), link.call("CLIENT", "LIST").decode("utf-8", "replace")
    except ReplyError as error:
        return [f"{link.where.side} {link.where.label}: the sessions of others could not be ended ({error})"]
    rows = [dict(word.partition("=")[::2] for word in line.split()) for line in listed.splitlines()]
    others = [row for row in rows if row.get("id", own) != own and not set(row.get("flags", "")) & {"M", "S"}]
    replies = link.ask([("CLIENT", "KILL", "ID", row["id"]) for row in others])
    return [
        f"{link.where.side} {link.where.label}: the session from {row.get('addr', '?')} could not be ended ({reply})"
        for row, reply in zip(others, replies, strict=True)
        if isinstance(reply, ReplyError) and "no such client" not in str(reply).lower()
    ]
