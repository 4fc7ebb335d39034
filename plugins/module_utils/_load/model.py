"""What is asked, how an answer is judged, and what is written down of it. Standard library only: it runs on hosts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

SHOWN = 200


@dataclass(frozen=True)
class Target:
    """One kind of request, and what its answer must be."""

    name: str
    path: str
    method: str = "GET"
    weight: int = 1
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: str = ""
    status: int = 200
    json_contains: dict[str, Any] = field(default_factory=dict)
    contains: str = ""


@dataclass(frozen=True)
class Answer:
    """What came back: status 0, a kind and a detail where nothing did."""

    status: int
    body: bytes = b""
    kind: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Sample:
    """One request of a run. `start` counts from the start of the run; `kind` is empty where the answer was as expected."""

    name: str
    start: float
    seconds: float
    status: int
    kind: str = ""
    detail: str = ""


def judge(target: Target, answer: Answer) -> tuple[str, str]:
    """Kind and detail of what is wrong with an answer; both empty when nothing is."""
    if answer.kind:
        return answer.kind, answer.detail
    text = answer.body.decode("utf-8", "replace")
    if answer.status != target.status:
        return f"status {answer.status}", text[:SHOWN]
    if target.contains and target.contains not in text:
        return "content", f"{target.contains!r} is not in: {text[:SHOWN]}"
    wrong = _json_fault(target.json_contains, text) if target.json_contains else ""
    return ("content", wrong) if wrong else ("", "")


def _json_fault(wanted: dict[str, Any], text: str) -> str:
    try:
        document = json.loads(text)
    except ValueError:
        return f"no JSON: {text[:SHOWN]}"
    if not isinstance(document, dict):
        return "JSON, but no object"
    wrong = [
        f"{key} is {document.get(key)!r}, not {value!r}" for key, value in wanted.items() if document.get(key) != value
    ]
    return "; ".join(wrong)


def order(targets: list[Target], number: int) -> list[Target]:
    """So many targets in shares as their weights say, evenly mixed and the same at each run."""
    total = sum(target.weight for target in targets)
    credit = [0] * len(targets)
    chosen = []
    for _ in range(number):
        credit = [have + target.weight for have, target in zip(credit, targets, strict=True)]
        best = credit.index(max(credit))
        credit[best] -= total
        chosen.append(targets[best])
    return chosen
