# Copyright: the developers of tiketi.platform
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a cutover or a rollback is at, in words, from what it keeps on its host."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._cutover import journal, run
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import ENDPOINT_OPTIONS

VERBS = ("cutover", "rollback")
FILES = ("journal.json", "progress.json")
WORDS = {
    run.PREPARING: "users work",
    run.FREEZING: "writers are shut out",
    run.SETTLING: "writers wait",
    run.SWITCHING: "writers wait",
    run.SWITCHED: "writers are let in at the new side",
    run.OPENED: "writers are at the new side",
    run.REOPENING: "writers are let in at the old side",
}
SLACK = 2.0  # seconds: a clock without fractions, and the way there


def folder(arguments: Mapping[str, Any], default: str) -> str:
    """Of the journal; empty where it cannot be told from here (the module says what is wrong with its input)."""
    root = str(arguments.get("folder") or default)
    ends = [arguments.get(side) for side in ("source", "target")]
    if not root.startswith("/") or "$" in root or not all(isinstance(end, Mapping) for end in ends):
        return ""
    labels = [_label(end) for end in ends if isinstance(end, Mapping)]
    return str(PurePosixPath(root) / journal.folder_name(*labels))


def _label(end: Mapping[str, Any]) -> str:
    """As `Endpoint.label`."""
    return f"{end.get('host')}:{end.get('port') or ENDPOINT_OPTIONS['port']['default']}/{end.get('dbname')}"


def line(verb: str) -> Callable[[float, Sequence[str], float], str]:
    """For an onlooker."""

    def words(now: float, texts: Sequence[str], elapsed: float) -> str:
        kept, told = (json.loads(text) if text.strip() else {} for text in texts)
        return in_words(verb, kept.get(verb) or {}, told, now, elapsed)

    return words


def in_words(verb: str, entry: Mapping[str, Any], told: Mapping[str, Any], now: float, elapsed: float) -> str:
    """Empty: this run has not begun a step yet (what is there is an earlier one's), or the last one is over."""
    step, since = str(entry.get("step") or ""), float(entry.get("since") or 0)
    if step not in WORDS or now - since > elapsed + SLACK:
        return ""
    parts = [f"{verb}: {WORDS[step]}"]
    # What was told belongs to the step that was under way then.
    if step == run.PREPARING and told.get("step") == verb and told.get("began") == since:
        parts.append(str(told.get("note", "")))
    elif entry.get("sub"):
        parts.append(f"{step}/{entry['sub']}")
    return ", ".join(part for part in parts if part)
