"""Steps with their progress and time on the screen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.status import Status


@dataclass
class Step:
    name: str
    status: Status
    console: Console
    done: str = "as it should be"

    def log(self, text: str) -> None:
        self.status.update(f"{self.name}: {text}")
        # No spinner there: a log of CI would be silent for the minutes that a build takes.
        if not self.console.is_terminal:
            self.console.print(f"  {self.name}: {text}", highlight=False, soft_wrap=True, markup=False)

    def result(self, changed: bool, text: str) -> None:
        self.done = text if changed else f"{text}, unchanged"


@dataclass
class Steps:
    console: Console
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        begin = time.monotonic()
        with self.console.status(name) as status:
            step = Step(name, status, self.console)
            yield step
        self.seconds[name] = time.monotonic() - begin
        self.console.print(f"[green]✓[/] {name:<22} {self.seconds[name]:6.1f} s  [dim]{step.done}[/]")
