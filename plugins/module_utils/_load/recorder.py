"""A client that goes on asking at a rate until it is stopped, and writes down each request: how long was nobody served?

In a program: `with Recorder(plan, path): ...`. By itself, on a host with nothing but Python:
`python -m _load.recorder PLAN.json RECORDS.jsonl` from the folder above, until SIGTERM; the figures are printed at the end.
PLAN.json: {"site": {"base_url": ...}, "jobs": [{"target": {"name": ..., "path": ...}, "rate": 50, "acknowledge": "id"}]}

Requests are sent when they are due, whatever has become of those before: a server that stops answering makes more and more of
them wait, as it does with users, and their wait counts from when they were due.
"""

from __future__ import annotations

import argparse
import json
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from .client import Client, Site
from .model import Answer, Target, judge
from .record import Record, read, summarise

NUMBER, RUN = "{n}", "{run}"  # in path, body and headers: the number of the request, and the time of the run's start


@dataclass(frozen=True)
class Job:
    """One kind of request, how often a second, and which member of the answer acknowledges it."""

    target: Target
    rate: float = 50.0
    acknowledge: str = ""


@dataclass(frozen=True)
class Plan:
    site: Site
    jobs: tuple[Job, ...]
    concurrency: int = 16

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Plan:
        jobs = tuple(Job(**{**job, "target": Target(**job["target"])}) for job in document["jobs"])
        options = {"concurrency": document["concurrency"]} if "concurrency" in document else {}
        return cls(Site(**document["site"]), jobs, **options)

    def faults(self) -> list[str]:
        found = self.site.faults()
        found += [
            f"the rate of {job.target.name} is {job.rate}. Mend: give more than 0" for job in self.jobs if job.rate <= 0
        ]
        if not self.jobs:
            found.append("there is no job. Mend: name at least one")
        if self.concurrency < 1:
            found.append(f"concurrency is {self.concurrency}. Mend: give 1 or more")
        return found


class Recorder:
    """Starts threads; stop() sends no more, awaits what is under way, and answers all records."""

    def __init__(self, plan: Plan, path: Path | None = None, client: Callable[[Site], Client] = Client) -> None:
        wrong = plan.faults()
        if wrong:
            raise ValueError("; ".join(wrong))
        self._plan, self._client = plan, client
        self._file = path.open("a", encoding="utf-8", buffering=1) if path else None
        self._due: queue.SimpleQueue[tuple[int, float, Job] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._records: list[Record] = []
        # One clock for all times, which a correction of the wall clock does not bend.
        self._offset = time.time() - time.monotonic()
        self._run = f"{time.time():.0f}"
        self._dispatchers: list[threading.Thread] = []
        self._workers: list[threading.Thread] = []

    def start(self) -> Recorder:
        self._workers = [self._thread(self._work) for _ in range(self._plan.concurrency)]
        self._dispatchers = [self._thread(partial(self._dispatch, job)) for job in self._plan.jobs]
        return self

    def stop(self) -> list[Record]:
        self._stop.set()
        for thread in self._dispatchers:
            thread.join()
        for _ in self._workers:
            self._due.put(None)
        for thread in self._workers:
            thread.join()
        if self._file is not None:
            self._file.close()
            self._file = None
        self._workers = []
        return self.records()

    def records(self) -> list[Record]:
        """What has been written down so far."""
        with self._lock:
            return list(self._records)

    def __enter__(self) -> Recorder:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _dispatch(self, job: Job) -> None:
        begin, number = time.monotonic(), 0
        while not self._stop.wait(max(begin + number / job.rate - time.monotonic(), 0)):
            self._due.put((number, begin + number / job.rate, job))
            number += 1

    def _work(self) -> None:
        client = self._client(self._plan.site)
        while (item := self._due.get()) is not None:
            self._give(self._ask(client, *item))
        client.close()

    def _ask(self, client: Client, number: int, due: float, job: Job) -> Record:
        target = self._filled(job.target, number)
        start = time.monotonic()
        answer = client.ask(target)
        seconds = time.monotonic() - start
        kind, detail = judge(target, answer)
        acknowledged = "" if kind or not job.acknowledge else _member(answer, job.acknowledge)
        if job.acknowledge and not kind and not acknowledged:
            kind, detail = "content", f"the answer has no {job.acknowledge}"
        times = (due + self._offset, start + self._offset, seconds)
        return Record(number, target.name, *times, answer.status, kind, detail, acknowledged)

    def _filled(self, target: Target, number: int) -> Target:
        def fill(text: str) -> str:
            return text.replace(NUMBER, str(number)).replace(RUN, self._run)

        headers = {name: fill(value) for name, value in target.headers.items()}
        return replace(target, path=fill(target.path), body=fill(target.body), headers=headers)

    def _give(self, record: Record) -> None:
        with self._lock:
            self._records.append(record)
            if self._file is not None:
                # The system has the line before this worker asks again: what was acknowledged is known after a kill.
                self._file.write(record.line() + "\n")

    @staticmethod
    def _thread(work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread


def _member(answer: Answer, name: str) -> str:
    try:
        document = json.loads(answer.body)
    except ValueError:
        return ""
    value = document.get(name) if isinstance(document, dict) else None
    return "" if value is None else str(value)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="recorder", description="Ask at a rate until SIGTERM, and write each request down."
    )
    parser.add_argument("plan", type=Path, help="the plan, JSON; secrets in it are read from this file only")
    parser.add_argument("records", type=Path, help="where each request becomes a line of JSON")
    parser.add_argument("--seconds", type=float, default=None, help="stop by itself after so many seconds")
    chosen = parser.parse_args(arguments)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    try:
        recorder = Recorder(Plan.from_document(json.loads(chosen.plan.read_text(encoding="utf-8"))), chosen.records)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"{chosen.plan}: {error!r}", file=sys.stderr)
        return 2
    with recorder:
        over.wait(chosen.seconds)
    print(json.dumps(summarise(read(chosen.records)), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
