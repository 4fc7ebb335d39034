"""One `up` or `down` at a time. The kernel drops the lock when its holder dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.images import Log
from sandbox.settings import Paths


@contextmanager
def held(paths: Paths, log: Log) -> Iterator[None]:
    paths.lock.parent.mkdir(parents=True, exist_ok=True)
    with paths.lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log("another sandbox command is at work; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
