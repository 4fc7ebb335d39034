"""Keep secrets out of what people read: logs, differences, messages."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import Object

MASK = "********"
_PATTERNS = (
    # Before the next one, which would take the word for the secret.
    (re.compile(r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{8,}"), rf"\g<1>{MASK}"),
    (
        re.compile(
            r"(?i)((?:password|passwd|token|secret|api[-_]?key|authorization)[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&]+"
        ),
        rf"\g<1>{MASK}",
    ),
    (re.compile(r"(\w://[^\s:/@]+:)[^\s@]+(@)"), rf"\g<1>{MASK}\g<2>"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
    (re.compile(r"\beyJ[\w-]{10,}\.[\w-]+\.[\w-]+"), MASK),
)


class Scrubber:
    """Masks known secret values in every spelling that logs show them in, and what looks like one."""

    def __init__(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        values = {value for secret in secrets.values() for key, value in secret.items() if key != "username" and value}
        spelled = {form for value in values for form in self._spellings(value)}
        longest_first = sorted(spelled, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if spelled else None

    @staticmethod
    def _spellings(value: str) -> Iterable[str]:
        raw = value.encode()
        return (
            value,
            quote(value),
            quote(value, safe=""),
            quote_plus(value),
            base64.b64encode(raw).decode(),
            repr(value)[1:-1],
        )

    def text(self, text: str) -> str:
        if self._known:
            text = self._known.sub(MASK, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


def without_secret_data(obj: Object) -> Object:
    """Hide the values of a Secret; its keys and name still tell what changed."""
    if obj["kind"] != "Secret":
        return obj
    shown: dict[str, Any] = copy.deepcopy(obj)
    for field in ("data", "stringData"):
        if shown.get(field):
            shown[field] = dict.fromkeys(shown[field], MASK)
    return shown
