"""A fault in the inputs: which object, what is wrong, how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One wrong input."""

    object: str
    what: str
    mend: str


class Later:
    """A part of a value that is known only later in the run; what stands beside it can be checked now."""


def unique(faults: Iterable[Fault]) -> list[Fault]:
    """Keep the order, drop repetitions: a variable of all hosts is wrong once."""
    return list(dict.fromkeys(faults))


def report(faults: Sequence[Fault]) -> str:
    """Render all faults as one message."""
    count = f"{len(faults)} inputs are wrong" if len(faults) > 1 else "1 input is wrong"
    lines = [f"{count}; nothing was touched."]
    for number, fault in enumerate(faults, 1):
        lines += [f"{number:>3}. {fault.object}: {fault.what}", f"     Mend: {fault.mend}"]
    return "\n".join(lines)
