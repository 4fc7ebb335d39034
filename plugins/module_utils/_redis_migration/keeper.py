"""Keeps quiet connections awake: a server with a `timeout` ends sessions that are silent for long."""

from __future__ import annotations

import contextlib
import threading

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link

INTERVAL = 0.5  # seconds; the shortest timeout of a server is one


class Keeper:
    """Pings the links that nobody uses at the moment. A link that is dead says so to whoever uses it next."""

    def __init__(self) -> None:
        self._links: list[Link] = []
        self._stop = threading.Event()

    def keep(self, *links: Link) -> None:
        if not self._links:
            self._stop = threading.Event()
            threading.Thread(target=self._run, args=(self._links, self._stop), daemon=True).start()
        self._links += links

    def stop(self) -> None:
        self._stop.set()
        self._links = []

    @staticmethod
    def _run(links: list[Link], stop: threading.Event) -> None:
        while not stop.wait(INTERVAL):
            for link in list(links):
                with contextlib.suppress(RedisMoveError):
                    link.keep_awake()
