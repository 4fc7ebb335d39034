"""Which keys were written to since we last asked: the server's own client-side-caching messages (CLIENT TRACKING BCAST).

No replication, no MONITOR, no keyspace events. Where the server does not have it, or the messages were lost, everything is looked
at again. XREADGROUP and XACK change a stream without a message, so the groups of streams are always looked at again.

The session that asked for the messages owns the tracking: when it ends (the server's `timeout`, CLIENT KILL, eviction of clients) the
messages end, and the one that listens hears nothing of it. So it is kept awake, and asked at every fence.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError, ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keeper import Keeper
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link

CHANNEL = "__redis__:invalidate"
PATIENCE = 10.0  # seconds for an answer
MOST_KEYS = 1_000_000  # beyond, going through everything costs no more than remembering


class Follower:
    """Collects the names of changed keys from `start` on."""

    def __init__(self, where: Endpoint) -> None:
        self.where = where
        self.lost = True  # until it runs
        self._keys: set[bytes] = set()
        self._lock = threading.Lock()
        self._fences: dict[bytes, threading.Event] = {}
        self._links: list[Link] = []
        self._listener_id = -1
        self._keeper = Keeper()

    def start(self) -> bool:
        """Whether the server tells changed keys."""
        self.stop()
        try:
            listener = Link(self.where, timeout=None)
            self._links.append(listener)
            self._listener_id = listener.call("CLIENT", "ID")
            listener.call("SUBSCRIBE", CHANNEL)
            control = Link(self.where, timeout=PATIENCE)
            self._links.append(control)
            control.call("CLIENT", "TRACKING", "ON", "REDIRECT", self._listener_id, "BCAST")
            control.call("CLIENT", "GETREDIR")  # without it nobody could say that the messages still come
        except ReplyError:
            self.stop()
            return False
        self.lost = False
        self._keeper.keep(control)
        threading.Thread(target=self._listen, args=(listener,), daemon=True).start()
        return True

    def stop(self) -> None:
        self.lost = True
        self._keeper.stop()
        for link in self._links:
            link.close()
        self._links.clear()
        self._keys.clear()

    def take(self) -> set[bytes]:
        """The keys changed since the last call. Ask `lost` afterwards: then it was not all."""
        self._fence()
        self._fence()  # messages of one turn of the server's loop come after its answers; the second is of a later turn
        with self._lock:
            taken, self._keys = self._keys, set()
        return taken

    def _fence(self) -> None:
        """Wait until everything that the server had sent is here, and be sure that it did send."""
        if self.lost or not self._tells():
            self.lost = True
            return
        token = uuid.uuid4().hex.encode()
        arrived = self._fences[token] = threading.Event()
        with contextlib.suppress(RedisMoveError, IndexError):
            self._links[0].send([("PING", token)])
            if arrived.wait(PATIENCE):
                return
        self.lost = True

    def _tells(self) -> bool:
        """Whether every change until now was sent to our listener."""
        with contextlib.suppress(RedisMoveError, IndexError):
            return bool(self._links[1].call("CLIENT", "GETREDIR") == self._listener_id)
        return False

    def _listen(self, listener: Link) -> None:
        try:
            while True:
                self._take_in(listener.read())
        except RedisMoveError:
            self.lost = True
            for fence in list(self._fences.values()):
                fence.set()

    def _take_in(self, message: Any) -> None:
        if not isinstance(message, list) or len(message) < 2:
            return
        if message[0] == b"pong" and message[1] in self._fences:
            self._fences.pop(message[1]).set()
        elif message[0] == b"message":
            with self._lock:
                if message[2] is None:  # everything was flushed
                    self.lost = True
                else:
                    self._keys.update(message[2])
                if len(self._keys) > MOST_KEYS:
                    self.lost = True
                    self._keys.clear()
