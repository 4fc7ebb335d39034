"""The stage `managed` from a living `single` whose users go on buying, and again without any change, by the site.yml that users run."""

from __future__ import annotations

import os
import sys

from benchmarks._runs import Measured, again, fresh, measured, tables
from tests.e2e.shoppers import Shoppers
from tests.e2e.support import address_of, run


def _moved() -> tuple[Measured, Shoppers]:
    """One move, as nobody interrupts it."""
    with Shoppers(address_of("app-1")) as shoppers:
        found = measured(run(name="bench-managed", stage="managed", timeout=1200))
    lost = shoppers.missing()
    if shoppers.failed or lost:
        raise RuntimeError(
            f"{len(shoppers.failed)} requests failed, {len(lost)} reservations are LOST: {shoppers.failed[:3]}"
        )
    return found, shoppers


def report(runs: int) -> str:
    """Measure and return the section as Markdown. The sandbox is started anew."""
    print("stage single, from an empty account", file=sys.stderr, flush=True)
    fresh()
    single = measured(run(name="bench-single", stage="single", timeout=1200))
    still = [again("single") for _ in range(runs)]
    print("stage managed, while people buy", file=sys.stderr, flush=True)
    moved, shoppers = _moved()
    after = [again("managed") for _ in range(runs)]
    lines = [
        "`site.yml` from an empty account to `single` (one host, a million reservations in its PostgreSQL), and from there to `managed` while"
        f" {shoppers.count} people buy. The layers of container images are cached; the sandbox itself is not counted. Load of the machine at the"
        f" end: {os.getloadavg()[1]:.0f} on {os.cpu_count()} cores.",
        "",
        *tables(
            ("single, cold", "single, no change", "managed, from the living single", "managed, no change"),
            ([single], still, [moved], after),
        ),
        "",
        f"During the move: {shoppers.told}; {len(shoppers.waits)} requests, none failed, and every reservation was there afterwards.",
    ]
    return "\n".join(lines) + "\n"
