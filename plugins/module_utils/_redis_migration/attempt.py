"""One attempt of a cutover: what it holds, and that nothing of it acts after it was called off.

A step that hangs is left alone when the budget is spent, and the old side is opened again. The step wakes up some time: from then on
it may write down, lead and refuse nothing.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.freeze import CALLED_OFF, Pause

PATIENCE = 5.0  # seconds for an act that was under way


class Attempt:
    """Its pauses, and the permission to act."""

    def __init__(self, pause: Pause, target_pause: Pause) -> None:
        self.pause, self.target_pause = pause, target_pause
        self._off = False
        self._acting = threading.Lock()

    @contextlib.contextmanager
    def act(self) -> Iterator[None]:
        """Around everything that outlives the attempt; the way back waits for its end."""
        with self._acting:
            if self._off:
                raise RedisMoveError(CALLED_OFF)
            yield

    def cancel(self) -> None:
        """At once, also while an act hangs."""
        self._off = True
        self.pause.cancel()
        self.target_pause.cancel()

    def end(self) -> None:
        """Called off, and nothing of it is under way any more."""
        self.cancel()
        if not self._acting.acquire(timeout=PATIENCE):
            raise RedisMoveError("a step that was called off is still under way: a server or the proxy does not answer")
        self._acting.release()
