"""Ask HTTP endpoints side by side and compare each answer with what is expected of it. Standard library only: it runs on hosts."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

BODY_LIMIT = 65536
SHOWN = 200


@dataclass(frozen=True)
class Expectation:
    """One endpoint: its URL, the header Host if it is another, and what the answer must be."""

    name: str
    url: str
    host: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    json_contains: dict[str, Any] = field(default_factory=dict)
    min_items: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What came back: status 0 and a reason where nothing did."""

    status: int
    body: str
    seconds: float
    reason: str = ""


def fault(expected: Expectation, answer: Answer) -> str:
    """Why the answer is not the expected one; empty when it is."""
    if answer.status == 0:
        return f"no answer: {answer.reason}"
    if answer.status != expected.status:
        return f"status {answer.status} instead of {expected.status}: {answer.body[:SHOWN]}"
    if not expected.json_contains and not expected.min_items:
        return ""
    try:
        document = json.loads(answer.body)
    except ValueError:
        return f"the body is not JSON: {answer.body[:SHOWN]}"
    if not isinstance(document, dict):
        return "the body is JSON but no object"
    wrong = [
        f"{key} is {document.get(key)!r}, not {value!r}"
        for key, value in expected.json_contains.items()
        if document.get(key) != value
    ]
    for key, least in expected.min_items.items():
        value = document.get(key)
        count = len(value) if isinstance(value, (list, dict)) else value
        if isinstance(count, bool) or not isinstance(count, (int, float)) or count < least:
            wrong.append(f"{key} holds {count!r}, not at least {least}")
    return "; ".join(wrong)


def fetch(expected: Expectation, timeout: float) -> Answer:
    """One GET; redirects are followed, certificates verified."""
    headers = {**expected.headers, **({"Host": expected.host} if expected.host else {})}
    request = urllib.request.Request(expected.url, headers=headers)  # noqa: S310 - the scheme is checked by the module
    start = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310 - as above
            body = response.read(BODY_LIMIT).decode("utf-8", "replace")
            return Answer(response.status, body, time.monotonic() - start)
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read(BODY_LIMIT).decode("utf-8", "replace"), time.monotonic() - start)
    except (OSError, urllib.error.URLError) as error:
        return Answer(0, "", time.monotonic() - start, str(getattr(error, "reason", error)))


def check_all(
    expectations: list[Expectation],
    wait: float,
    timeout: float,
    ask: Callable[[Expectation, float], Answer] = fetch,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> list[dict[str, Any]]:
    """Ask all until each is as expected or `wait` seconds are over; one row an endpoint, in the given order."""
    rows: dict[str, dict[str, Any]] = {}
    end = clock() + wait
    open_ones = expectations
    while open_ones:
        with ThreadPoolExecutor(max_workers=min(16, len(open_ones))) as pool:
            answers = list(pool.map(lambda expected: ask(expected, timeout), open_ones))
        for expected, answer in zip(open_ones, answers, strict=True):
            rows[expected.name] = {
                "name": expected.name,
                "url": expected.url,
                "status": answer.status,
                "milliseconds": round(answer.seconds * 1000, 1),
                "fault": fault(expected, answer),
            }
        open_ones = [expected for expected in open_ones if rows[expected.name]["fault"]]
        if not open_ones or clock() >= end:
            break
        pause(0.5)
    return [rows[expected.name] for expected in expectations]
