"""What benchmarks/downtime.py found, as the section of docs/figures.md."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks._writer import PACE
from benchmarks.copy import JOBS, MIB

AS_IS, BARE_ROWS = SHAPES = ("as it is", "rows only")
VERIFY_AGAIN = "verify, before the rollback"
NOTHING = "nothing"
FREEZES = ("cutover", "rollback")
STEPS = ("drain", "carry", "verify")
BIG = 4.0  # million rows; from here on one run has to do


@dataclass
class Moved:
    """One move there and back."""

    gaps: dict[str, dict[str, float]] = field(default_factory=dict)  # by phase and client
    frozen: dict[str, float] = field(default_factory=dict)  # by verb, as it reports
    steps: dict[str, dict[str, float]] = field(default_factory=dict)  # by verb
    seconds: dict[str, float] = field(default_factory=dict)  # by phase, the whole verb in its process
    refused: dict[str, int] = field(default_factory=dict)
    written: int = 0
    memory: int = 0


@dataclass
class Size:
    """What was measured with one size."""

    rows: int
    megabytes: float
    plain: list[float] = field(default_factory=list)
    moves: dict[str, list[Moved]] = field(default_factory=lambda: {shape: [] for shape in SHAPES})


def _middle(moves: Sequence[Moved], what: Callable[[Moved], float]) -> str:
    return f"{statistics.median(map(what, moves)):.2f}"


def _gap(moves: Sequence[Moved], phase: str) -> str:
    """Of each client."""
    return " / ".join(_middle(moves, lambda one, who=who: one.gaps[phase][who]) for who in moves[0].gaps[phase])  # type: ignore[misc]


def tables(sizes: Sequence[Size], runs: int, load: float) -> str:
    moves = [one for size in sizes for kind in size.moves.values() for one in kind]
    pooler = "pooler" in moves[0].refused
    clients = (
        "a client of the server / a client through PgBouncer"
        if pooler
        else "a client of the server (no PgBouncer here)"
    )
    once = f", above {BIG:g} million rows of 1" if runs > 1 and sizes[-1].rows > BIG * 1e6 else ""
    lines = [
        f"The example's database between two PostgreSQL 15 (fsync on) on the same 2 cores; load at the beginning {load:.1f}. The longest time in"
        f" seconds between two acknowledged writes of clients that write one row every {PACE * 1000:.0f} ms: {clients}. Median of {runs}{once}."
        f" Dump and restore: `pg_dump -Fd -j{JOBS} -Z0`, `pg_restore -j{JOBS}`, its client stopped meanwhile, statistics not counted.",
        "",
        "| million rows | MiB | database | dump and restore | cutover | dump and restore is so many times as long | rollback |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in sizes:
        for shape, found in size.moves.items():
            plain = statistics.median(size.plain)
            worst = statistics.median(max(one.gaps["cutover"].values()) for one in found)
            lines.append(
                f"| {size.rows / 1e6:.2f} | {size.megabytes:.0f} | {shape} | {plain:.1f} | {_gap(found, 'cutover')} | {plain / worst:.0f}"
                f" | {_gap(found, 'rollback')} |"
            )
    lines += [
        "",
        "The longest gap in the other phases (nothing: before the seed, for comparison), and the most memory of the processes on the controller:",
        "",
        "| million rows | database | nothing | seed | follow | verify | verify before the rollback | memory, MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for size in sizes:
        for shape, found in size.moves.items():
            phases = (NOTHING, "seed", "follow", "verify", VERIFY_AGAIN)
            gaps = " | ".join(_gap(found, phase) if phase in found[0].gaps else "-" for phase in phases)
            lines.append(f"| {size.rows / 1e6:.2f} | {shape} | {gaps} | {max(one.memory for one in found) / MIB:.0f} |")
    lines += [
        "",
        "The proof online against the copy, each the whole verb in a process of its own, while both clients write:",
        "",
        "| million rows | MiB | database | seed, seconds | verify, seconds | verify over seed | MiB/s compared |",
        "|---|---|---|---|---|---|---|",
    ]
    for size in sizes:
        for shape, found in size.moves.items():
            seed, verify = (statistics.median(one.seconds[verb] for one in found) for verb in ("seed", "verify"))
            lines.append(
                f"| {size.rows / 1e6:.2f} | {size.megabytes:.0f} | {shape} | {seed:.1f} | {verify:.1f} | {verify / seed:.2f} | {size.megabytes / verify:.0f} |"
            )
    lines += [
        "",
        "What the freeze consists of, as the verbs report it:",
        "",
        "| million rows | database | cutover | of it drain | carry | compare | rollback | of it drain | carry | compare |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for size in sizes:
        for shape, found in size.moves.items():
            cells = [cell for verb in FREEZES for cell in _freeze(found, verb)]
            lines.append(f"| {size.rows / 1e6:.2f} | {shape} | {' | '.join(cells)} |")
    written, failed = sum(one.written for one in moves), sum(one.refused.get("pooler", 0) for one in moves)
    lines += [
        "",
        f"{written} writes were acknowledged in {len(moves)} moves there and back, 0 lost: looked up on the new side after each cutover, on the old"
        " one after each rollback." + (f" {failed} requests through PgBouncer failed." if pooler else ""),
    ]
    return "\n".join(lines) + "\n"


def _freeze(found: Sequence[Moved], verb: str) -> list[str]:
    steps = [_middle(found, lambda one, step=step: one.steps[verb][step]) for step in STEPS]  # type: ignore[misc]
    return [_middle(found, lambda one: one.frozen[verb]), *steps]
