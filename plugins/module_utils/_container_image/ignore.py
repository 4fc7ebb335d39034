"""Which files of a context reach the builder: the rules of .containerignore and .dockerignore."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

NAMES = (".containerignore", ".dockerignore")


@dataclass(frozen=True)
class Rule:
    pattern: re.Pattern[str]
    keep: bool


def parse(text: str) -> list[Rule]:
    rules = []
    for line in text.splitlines():
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        keep = entry.startswith("!")
        entry = entry.removeprefix("!").strip().strip("/").removeprefix("./")
        if entry:
            rules.append(Rule(re.compile(_expression(entry)), keep))
    return rules


def ignored(path: str, rules: Sequence[Rule]) -> bool:
    """The last rule that fits decides; one that fits a folder fits everything in it."""
    parts = path.split("/")
    ways = ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]
    result = False
    for rule in rules:
        if result == rule.keep and any(rule.pattern.fullmatch(way) for way in ways):
            result = not rule.keep
    return result


def _expression(pattern: str) -> str:
    out, position = "", 0
    while position < len(pattern):
        if pattern.startswith("**/", position):
            out, position = out + "(?:.*/)?", position + 3
        elif pattern.startswith("**", position):
            out, position = out + ".*", position + 2
        else:
            sign = pattern[position]
            out += {"*": "[^/]*", "?": "[^/]"}.get(sign, re.escape(sign))
            position += 1
    return out
