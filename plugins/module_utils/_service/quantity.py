"""Amounts of CPU and memory as Kubernetes writes them."""

from __future__ import annotations

import re
from decimal import Decimal

_FACTORS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTP", start=1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTP", start=1)},
    "ki": Decimal(1024),
}


def amount(text: str) -> Decimal:
    """Return the plain number that an amount such as 250m or 128Mi stands for."""
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", text)
    if match is None or match.group(2) not in _FACTORS:
        raise ValueError(f"{text!r} is not an amount")
    return Decimal(match.group(1)) * _FACTORS[match.group(2)]
