"""Engine versions: what AWS answers against what is wanted. No I/O."""

from __future__ import annotations

import re
from typing import Any

from .model import Spec


def as_numbers(version: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", str(version or "")))


def satisfied(wanted: str, current: Any, *, auto_upgrade: bool) -> bool:
    """Whether what runs is what is wanted: AWS takes 7.0 and answers 7.0.7.

    Where AWS upgrades by itself, it moves on from the wanted minor in some maintenance window and never comes back, so
    a newer minor of the same major is what was asked for.
    """
    want, have = as_numbers(wanted), as_numbers(current)
    if not want or not have:
        return False
    return have[: len(want)] == want or (auto_upgrade and have[:1] == want[:1] and have > want)


def older(wanted: str, current: Any) -> bool:
    want, have = as_numbers(wanted), as_numbers(current)
    width = min(len(want), len(have))
    return want[:width] < have[:width]


def keeps(spec: Spec, values: dict[str, Any]) -> bool:
    """Whether a standing group needs no change of its version. Where nothing is said of upgrades, what stands counts."""
    if not spec.engine_version:
        return True
    auto = spec.auto_minor_version_upgrade
    auto = bool(values.get("auto_minor_version_upgrade") if auto is None else auto)
    return satisfied(spec.engine_version, values.get("engine_version"), auto_upgrade=auto)
