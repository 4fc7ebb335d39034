"""How far a pass over all keys is, in words and once a second: for whoever looks on while a cutover is prepared."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE = 1.0
Tell = Callable[[str], None]


def nobody(words: str) -> None:
    """Listens."""


class Telling:
    """Of one pass over about `total` keys."""

    def __init__(self, step: str, total: int, tell: Tell) -> None:
        self.step, self.total, self.tell = step, total, tell
        self.began = self.told = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self.told < PAUSE:
            return
        self.told, rate = now, done / (now - self.began)
        left = f", {max(0, self.total - done) / rate:.0f} s left" if rate else ""
        self.tell(f"{self.step}, {done} of about {self.total} keys, {rate:.0f} a second{left}")
