"""A run: so many requests over so many connections, each connection asking again as soon as it is answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .client import Client, Site
from .model import Sample, Target, judge, order


@dataclass(frozen=True)
class Plan:
    site: Site
    targets: list[Target]
    requests: int = 1000
    concurrency: int = 10
    warm_up: int = 20
    give_up_after: int = 100  # failures


def faults(plan: Plan) -> list[str]:
    found = plan.site.faults()
    if not plan.targets:
        found.append("there is no path to ask. Mend: name at least one")
    names = [target.name for target in plan.targets]
    found += [
        f"two paths are called {name}. Mend: rename one" for name in sorted({n for n in names if names.count(n) > 1})
    ]
    for target in plan.targets:
        if not target.path.startswith("/"):
            found.append(f"path {target.path!r} of {target.name} does not begin with a slash. Mend: add it")
        if target.weight < 1:
            found.append(f"the weight of {target.name} is {target.weight}. Mend: give 1 or more")
    for name, value, least in (
        ("requests", plan.requests, 1),
        ("concurrency", plan.concurrency, 1),
        ("warm_up", plan.warm_up, 0),
        ("give_up_after", plan.give_up_after, 1),
    ):
        if value < least:
            found.append(f"{name} is {value}. Mend: give {least} or more")
    return found


class _Phase:
    """Hands out the requests of one phase to the workers and takes what came of them."""

    def __init__(self, targets: list[Target], most_failures: int) -> None:
        self._left = iter(targets)
        self._lock = threading.Lock()
        self._most = most_failures
        self._failures = 0
        self.samples: list[Sample] = []

    def take(self) -> Target | None:
        with self._lock:
            return None if self._failures >= self._most else next(self._left, None)

    def give(self, sample: Sample) -> None:
        with self._lock:
            self.samples.append(sample)
            self._failures += bool(sample.kind)


def run(plan: Plan, client: Callable[[Site], Client] = Client) -> tuple[list[Sample], float]:
    """Samples in the order in which they ended, and the seconds that all of it took. Warm-up is not among them."""
    clients = [client(plan.site) for _ in range(min(plan.concurrency, plan.requests))]
    try:
        _phase(_Phase(order(plan.targets, plan.warm_up), plan.give_up_after), clients)
        phase = _Phase(order(plan.targets, plan.requests), plan.give_up_after)
        seconds = _phase(phase, clients)
    finally:
        for one in clients:
            one.close()
    return phase.samples, seconds


def _phase(phase: _Phase, clients: list[Client]) -> float:
    begin = time.monotonic()

    def work(one: Client) -> None:
        while (target := phase.take()) is not None:
            start = time.monotonic()
            answer = one.ask(target)
            end = time.monotonic()
            phase.give(Sample(target.name, start - begin, end - start, answer.status, *judge(target, answer)))

    threads = [threading.Thread(target=work, args=(one,), daemon=True) for one in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - begin
