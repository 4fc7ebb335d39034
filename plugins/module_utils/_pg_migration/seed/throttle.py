"""How fast copying may be: so many bytes a second of all workers together, and only while the source answers in time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

RESUME = 0.8  # of the limit: it shall not flutter
KEPT = 3  # the middle one of so many measurements counts


class Bucket:
    """A token bucket. Threads that come while it is empty wait for their turn; a second's worth may be saved up."""

    def __init__(
        self, rate: int, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.rate, self._clock, self._sleep = rate, clock, sleep
        self._level, self._last, self._lock = 0.0, clock(), threading.Lock()

    def take(self, amount: int) -> None:
        if self.rate <= 0:
            return
        with self._lock:
            now = self._clock()
            self._level = min(self._level + (now - self._last) * self.rate, float(self.rate))
            self._last = now
            self._level -= amount
            wait = -self._level / self.rate
        if wait > 0:
            self._sleep(wait)


class Brake:
    """Pressed while a trivial commit on the source takes longer than allowed."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.latency = 0.0
        self.paused_seconds = 0.0
        self._seen: deque[float] = deque(maxlen=KEPT)
        self._free = threading.Event()
        self._free.set()

    @property
    def pressed(self) -> bool:
        return not self._free.is_set()

    def measured(self, seconds: float) -> None:
        self._seen.append(seconds)
        self.latency = sorted(self._seen)[len(self._seen) // 2]
        if self.limit <= 0:
            return
        if self.latency > self.limit:
            self._free.clear()
        elif self.latency < self.limit * RESUME:
            self._free.set()

    def release(self) -> None:
        self._free.set()

    def wait(self, patience: float = 0.5) -> bool:
        """True when it may go on; False after a while, so that the caller can look around."""
        return self._free.wait(patience)
