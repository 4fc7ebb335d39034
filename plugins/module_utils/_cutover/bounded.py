"""Work that may hang: waited for no longer than it may take."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class LateError(Exception):
    """It was not done in time, and may still be at it: its thread is left alone."""


def run(work: Callable[[], Result], seconds: float) -> Result:
    """In a thread of its own, which nobody waits for at the end of the process."""
    done: list[Result] = []
    failed: list[BaseException] = []

    def target() -> None:
        try:
            done.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    thread.join(max(0.0, seconds))
    if failed:
        raise failed[0]
    if not done:
        raise LateError(f"not done within {seconds:.1f} s")
    return done[0]
