"""postgresql.auto.conf as text: what ALTER SYSTEM put there, and putting back what was there before. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

LINE = re.compile(r"^\s*([A-Za-z_][\w.]*)\s*=?\s*(.*?)\s*$")


def parse(text: str) -> dict[str, str]:
    """Name to the value as it is written, quotes and all; the last one counts."""
    found = {}
    for line in text.splitlines():
        if not line.lstrip().startswith("#") and (match := LINE.match(line)):
            found[match[1].lower()] = match[2]
    return found


def put_back(text: str, before: Mapping[str, str | None]) -> str:
    """The file with the named settings as they were; None is a setting that was not in it. Everything else stays."""
    kept = []
    for line in text.splitlines():
        match = None if line.lstrip().startswith("#") else LINE.match(line)
        if not (match and match[1].lower() in before):
            kept.append(line)
    kept += [f"{name} = {value}" for name, value in before.items() if value is not None]
    return "".join(f"{line}\n" for line in kept)
