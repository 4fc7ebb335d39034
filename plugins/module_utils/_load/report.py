"""Figures of a run, and whether they are good enough; without any I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .model import Sample

BUCKETS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, math.inf)
SAMPLES_SHOWN = 3


@dataclass(frozen=True)
class Limits:
    max_error_rate: float = 0.0
    p95_ms: float = 0.0  # 0 sets no limit


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest rank: a value that was measured, at or below which so large a share is."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else 0.0


def latency(samples: Sequence[Sample]) -> dict[str, float]:
    """Milliseconds of the requests that were answered as expected; a refused one would be flattering."""
    ordered = sorted(sample.seconds * 1000 for sample in samples if not sample.kind)
    figures = {
        "min": ordered[0] if ordered else 0.0,
        "mean": sum(ordered) / len(ordered) if ordered else 0.0,
        "p50": percentile(ordered, 0.50),
        "p95": percentile(ordered, 0.95),
        "p99": percentile(ordered, 0.99),
        "max": ordered[-1] if ordered else 0.0,
    }
    return {name: round(value, 2) for name, value in figures.items()}


def histogram(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """How many good answers took at most so many milliseconds, and more than the step before."""
    counts = dict.fromkeys(BUCKETS_MS, 0)
    for sample in samples:
        if not sample.kind:
            counts[next(top for top in BUCKETS_MS if sample.seconds * 1000 <= top)] += 1
    return [{"up_to_ms": None if top == math.inf else top, "count": count} for top, count in counts.items()]


def errors(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """By kind, the most frequent first, with the first few of each."""
    kinds: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.kind:
            kinds.setdefault(sample.kind, []).append(sample)
    return [
        {
            "kind": kind,
            "count": len(found),
            "samples": [
                {"name": one.name, "at_seconds": round(one.start, 3), "detail": one.detail}
                for one in found[:SAMPLES_SHOWN]
            ],
        }
        for kind, found in sorted(kinds.items(), key=lambda item: -len(item[1]))
    ]


def summarise(samples: Sequence[Sample], seconds: float, wanted: int) -> dict[str, Any]:
    failed = sum(bool(sample.kind) for sample in samples)
    return {
        "wanted": wanted,
        "requests": len(samples),
        "ok": len(samples) - failed,
        "failed": failed,
        "error_rate": round(failed / len(samples), 6) if samples else 0.0,
        "seconds": round(seconds, 3),
        "per_second": round(len(samples) / seconds, 1) if seconds else 0.0,
        "latency_ms": latency(samples),
        "by_path": {
            name: {"requests": len(found), "failed": sum(bool(one.kind) for one in found), "latency_ms": latency(found)}
            for name in sorted({sample.name for sample in samples})
            for found in [[sample for sample in samples if sample.name == name]]
        },
        "errors": errors(samples),
        "histogram": histogram(samples),
    }


def faults(summary: dict[str, Any], limits: Limits) -> list[str]:
    """What is not good enough, in words."""
    found = []
    if summary["error_rate"] > limits.max_error_rate:
        kinds = "; ".join(
            f"{row['count']} x {row['kind']} (first: {row['samples'][0]['name']} after"
            f" {row['samples'][0]['at_seconds']} s: {row['samples'][0]['detail']})"
            for row in summary["errors"]
        )
        found.append(
            f"{summary['failed']} of {summary['requests']} requests failed, {summary['error_rate']:.2%} where"
            f" {limits.max_error_rate:.2%} is allowed: {kinds}"
        )
    if summary["requests"] < summary["wanted"]:
        found.append(f"the run was given up after {summary['requests']} of {summary['wanted']} requests")
    p95 = summary["latency_ms"]["p95"]
    if limits.p95_ms and summary["ok"] and p95 > limits.p95_ms:
        found.append(f"p95 is {p95:g} ms where {limits.p95_ms:g} ms is allowed")
    return found


def line(summary: dict[str, Any]) -> str:
    """The run in one line."""
    ms = summary["latency_ms"]
    return (
        f"{summary['ok']} of {summary['requests']} requests as expected, {summary['per_second']:g} a second;"
        f" p50 {ms['p50']:g}, p95 {ms['p95']:g}, p99 {ms['p99']:g}, max {ms['max']:g} ms"
    )
