"""The base images that a Containerfile names."""

from __future__ import annotations

import re
from collections.abc import Mapping

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::-(?P<default>[^}]*))?\}|(?P<plain>\w+))")


def bases(text: str, build_args: Mapping[str, str]) -> list[str]:
    """Every FROM that is not an earlier stage, with build arguments put in, each once."""
    arguments: dict[str, str] = {}
    stages: set[str] = set()
    found: list[str] = []
    for line in _joined(text):
        word, _, rest = line.partition(" ")
        if word.upper() == "ARG" and not found and not stages:
            name, _, default = rest.strip().partition("=")
            arguments[name] = build_args.get(name, default.strip("\"'"))
        elif word.upper() == "FROM":
            words = [part for part in rest.split() if not part.startswith("--")]
            base = _expand(words[0], arguments) if words else ""
            if base and base != "scratch" and base.lower() not in stages and base not in found:
                found.append(base)
            if len(words) == 3 and words[1].upper() == "AS":
                stages.add(words[2].lower())
    return found


def is_pinned(reference: str) -> bool:
    return "@sha256:" in reference


def is_local(reference: str) -> bool:
    """Made on this machine and in no registry, so that only the engine knows what it holds."""
    return reference.startswith("localhost/")


def _joined(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [line.strip() for line in "\n".join(lines).replace("\\\n", " ").splitlines() if line.strip()]


def _expand(text: str, arguments: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return arguments.get(match["braced"] or match["plain"] or "") or match["default"] or ""

    return _VARIABLE.sub(value, text)
