"""What is going on, once a second, for whoever looks at progress.json."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Progress
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import copy
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.plan import Part
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.throttle import Brake

with contextlib.suppress(ImportError):  # the module says it in words
    import psycopg

BEAT = 1.0
WINDOW = 10  # beats over which the rate is taken
# A commit that has to reach the source's disk, and that no subscriber ever sees.
PROBE = "SELECT pg_logical_emit_message(true, 'platform_migration', '')"


class Gauge:
    """Counts of all workers; a thread of its own writes them down and watches the source."""

    def __init__(self, context: Context, brake: Brake) -> None:
        self.context, self.brake = context, brake
        self.progress = Progress("begin", time.time())
        self._running: dict[str, tuple[Part, int]] = {}
        self._steps: dict[str, float] = {}
        self._finished = 0  # of planned bytes
        self._read = 0  # bytes that went through us in this run
        self._seen: deque[tuple[float, int]] = deque(maxlen=WINDOW)
        self._lock, self._end = threading.Lock(), threading.Event()
        self.steps_left = 0

    def step(self, name: str) -> None:
        self.progress.step = name
        self.write()

    def planned(self, totals: dict[str, int], total_rows: int) -> None:
        with self._lock:
            self._finished = totals["done_bytes"]
            self.progress.total_bytes, self.progress.done_rows = totals["planned_bytes"], totals["rows"]
            self.progress.total_rows = total_rows

    def passed(self, part: Part, size: int) -> None:
        with self._lock:
            self._read += size
            self._running[part.label] = part, self._running.get(part.label, (part, 0))[1] + size

    def part_done(self, part: Part, rows: int) -> None:
        with self._lock:
            self._running.pop(part.label, None)
            self._finished += part.bytes
            self.progress.done_rows += rows

    def further(self, size: int) -> None:
        """To be brought besides the rows."""
        with self._lock:
            self.progress.total_bytes += size

    def brought(self, size: int) -> None:
        """Of that; what it weighs on disk may differ."""
        with self._lock:
            self._read += size
            self._finished = min(self._finished + size, self.progress.total_bytes)

    @contextlib.contextmanager
    def building(self, title: str) -> Any:
        with self._lock:
            self._steps[title] = time.time()
        try:
            yield
        finally:
            with self._lock:
                self._steps.pop(title, None)

    def write(self) -> None:
        with self._lock:
            now, progress = time.monotonic(), self.progress
            # What a part weighs on the wire differs from what it weighs on disk; the plan counts the latter.
            progress.done_bytes = self._finished + sum(min(size, part.bytes) for part, size in self._running.values())
            self._seen.append((now, self._read))
            (then, before), (_, last) = self._seen[0], self._seen[-1]
            progress.rate = round((last - before) / (now - then), 1) if now > then else 0.0
            left = progress.total_bytes - progress.done_bytes
            progress.eta = round(left / progress.rate, 1) if progress.rate > 0 and left > 0 else None
            running = [f"copy {label}" for label in self._running] + [f"build {title}" for title in self._steps]
            progress.note = self._note()
            progress.extra = {
                "running": running,
                "steps_left": self.steps_left,
                "source_latency": round(self.brake.latency, 4),
                "paused_seconds": round(self.brake.paused_seconds, 1),
            }
            self.context.journal.progress(progress)

    def _note(self) -> str:
        if self.brake.pressed:
            return (
                f"paused: a commit on the source takes {self.brake.latency:.3f} s, allowed are {self.brake.limit:.3f} s"
            )
        rate = self.context.settings.rate_limit
        return f"limited to {rate} bytes a second" if rate else ""

    def run(self) -> None:
        """In a thread, until `stop`."""
        watch = self.context.settings.source_latency_limit > 0
        while not self._end.is_set():
            if not watch:
                self._beat()
                continue
            try:
                with copy.session(self.context.ends.source, f"{self.context.application}/seed") as source:
                    while not self._end.is_set():
                        began = time.monotonic()
                        source.execute(PROBE)
                        self.brake.measured(time.monotonic() - began)
                        self._beat()
            except (PgError, psycopg.Error):  # the copies will say it; being blind is no reason to stop
                self.brake.release()
                self._beat()

    def _beat(self) -> None:
        self.write()
        if self.brake.pressed:
            self.brake.paused_seconds += BEAT
        self._end.wait(BEAT)

    def stop(self) -> None:
        self._end.set()
