"""From the wanted engine version to one that AWS still offers. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import FaultyWishError


@dataclass(frozen=True)
class Resolution:
    version: str
    message: str = ""


def as_numbers(version: str) -> tuple[int, ...]:
    """15.4 comes before 15.10."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def _major(version: str) -> int:
    numbers = as_numbers(version)
    if not numbers:
        raise FaultyWishError(
            [f"engine_version {version!r} is no version: write it like 15.4, or 15 for the newest 15"]
        )
    return numbers[0]


def keeps(wanted: str, current: str) -> bool:
    """Whether a standing cluster needs no look at what is on offer: it is the pin, or newer within its major."""
    return _major(wanted) == _major(current) and as_numbers(current) >= as_numbers(wanted)


def resolve(wanted: str, offered: list[str], current: str | None) -> Resolution:
    """The pin while it is offered, else the newest of its major; a standing cluster never goes back or to another major."""
    major = _major(wanted)
    if current is not None:
        if _major(current) != major:
            raise FaultyWishError(
                [
                    f"the cluster runs {current} and {wanted} is wanted: a change of the major version is a migration"
                    " with a test before it, and not made here; set the version to the major that runs"
                ]
            )
        if keeps(wanted, current):
            return Resolution(current)
    if wanted in offered:
        return Resolution(wanted)
    same_major = sorted((v for v in offered if _major(v) == major), key=as_numbers)
    if not same_major:
        majors = ", ".join(str(m) for m in sorted({_major(v) for v in offered})) or "none"
        raise FaultyWishError(
            [f"AWS offers no version {major}.x in this region (majors: {majors}): choose one of these"]
        )
    newest = same_major[-1]
    if wanted == str(major):
        return Resolution(newest)
    return Resolution(
        newest, f"engine version {wanted} can no longer be created: {newest} is the newest {major}.x on offer"
    )
