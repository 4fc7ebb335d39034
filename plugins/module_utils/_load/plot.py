"""A run as a picture: latency over time, and how often which latency was. One SVG without anything from outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

from .model import Sample

WIDTH, LEFT, RIGHT = 960, 70, 20
TOP, SCATTER, BARS_TOP, BARS, HEIGHT = 70, 280, 430, 170, 650
MOST_POINTS = 20_000
GOOD, BAD, INK, GRID = "#0b6e4f", "#b3261e", "#222", "#ddd"


def svg(title: str, subtitle: str, samples: Sequence[Sample], summary: dict[str, Any]) -> str:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 26, title, size=18),
        _text(LEFT, 46, subtitle),
        *_scatter(samples),
        *_bars(summary["histogram"]),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _scatter(samples: Sequence[Sample]) -> list[str]:
    """Time to the right, latency upwards in steps of ten; failures in red, on top."""
    points = samples[:: max(math.ceil(len(samples) / MOST_POINTS), 1)]
    longest = max((sample.start + sample.seconds for sample in samples), default=1.0) or 1.0
    values = [max(sample.seconds * 1000, 0.01) for sample in samples] or [1.0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)) + 1e-9)
    high = max(high, low + 1)

    def right(seconds: float) -> float:
        return LEFT + seconds / longest * (WIDTH - LEFT - RIGHT)

    def up(milliseconds: float) -> float:
        return TOP + SCATTER * (high - math.log10(milliseconds)) / (high - low)

    parts = []
    for power in range(low, high + 1):
        height = up(10.0**power)
        parts.append(f'<path d="M{LEFT} {height:.1f}H{WIDTH - RIGHT}" stroke="{GRID}"/>')
        parts.append(_text(LEFT - 8, height + 4, f"{10.0**power:g} ms", anchor="end"))
    for step in range(5):
        seconds = longest * step / 4
        parts.append(_text(right(seconds), TOP + SCATTER + 18, f"{seconds:.3g} s", anchor="middle"))
    for colour, wanted in ((GOOD, False), (BAD, True)):
        dots = "".join(
            f"M{right(one.start):.1f} {up(max(one.seconds * 1000, 0.01)):.1f}h0"
            for one in points
            if bool(one.kind) == wanted
        )
        if dots:
            parts.append(f'<path d="{dots}" stroke="{colour}" stroke-width="3" stroke-linecap="round" opacity=".6"/>')
    return parts


def _bars(histogram: list[dict[str, Any]]) -> list[str]:
    most = max((row["count"] for row in histogram), default=0) or 1
    step = (WIDTH - LEFT - RIGHT) / len(histogram)
    parts = [_text(LEFT, BARS_TOP - 16, "good answers by milliseconds")]
    for number, row in enumerate(histogram):
        tall = BARS * row["count"] / most
        left, base = LEFT + number * step, BARS_TOP + BARS
        label = "more" if row["up_to_ms"] is None else f"{row['up_to_ms']:g}"
        parts.append(
            f'<rect x="{left + 2:.1f}" y="{base - tall:.1f}" width="{step - 4:.1f}" height="{tall:.1f}" fill="{GOOD}"/>'
        )
        parts.append(_text(left + step / 2, base + 16, label, anchor="middle"))
        if row["count"]:
            parts.append(_text(left + step / 2, base - tall - 4, str(row["count"]), anchor="middle"))
    return parts


def _text(left: float, top: float, words: str, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'
