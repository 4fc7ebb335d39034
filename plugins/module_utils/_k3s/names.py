"""What a node, a label and a packaged component may be called. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

# A node name is a DNS name, and the value of the label kubernetes.io/hostname; K3s would write it in small letters.
_PART = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS = re.compile(rf"{_PART}(\.{_PART})*")
NAME_LENGTH = 63
PREFIX_LENGTH = 253
_WORD = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
# DisableItems in K3s' pkg/cli/cmds/stage.go. K3s takes any other word, and disables nothing by it.
PACKAGED = ("coredns", "servicelb", "traefik", "local-storage", "metrics-server", "runtimes")


def node_fault(name: str) -> str:
    """Say what is wrong with the name of a node, or nothing."""
    if _DNS.fullmatch(name) and len(name) <= NAME_LENGTH:
        return ""
    return (
        f"{name!r} is no name of RFC 1123; take small letters, digits, - and ., "
        f"at most {NAME_LENGTH} of them, with a letter or digit at both ends of each part"
    )


def label_faults(labels: Mapping[Any, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the key of each label that Kubernetes refuses, what is wrong with it, and the mend."""
    for key, value in labels.items():
        prefix, slash, name = str(key).rpartition("/")
        if not _word(name) or (slash and not (_DNS.fullmatch(prefix) and len(prefix) <= PREFIX_LENGTH)):
            yield str(key), "is no key of a label", "write it as name or domain/name, such as example.org/disk"
        if isinstance(value, Mapping | list) or (str(value) and not _word(str(value))):
            mend = (
                f"write letters, digits, -, _ and ., at most {NAME_LENGTH} of them, with a letter or digit at both ends"
            )
            yield str(key), f"has the value {value!r}, which no label can have", mend


def _word(text: str) -> bool:
    return bool(_WORD.fullmatch(text)) and len(text) <= NAME_LENGTH


def disable_faults(components: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Yield each component that K3s does not have, and what was meant."""
    for name in map(str, components):
        if name not in PACKAGED:
            near = get_close_matches(name, PACKAGED, n=1, cutoff=0.6)
            yield name, f"did you mean {near[0]}?" if near else f"known are {', '.join(PACKAGED)}"
