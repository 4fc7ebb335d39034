"""K3s versions and which way they may move."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import K3sError

_FULL = re.compile(r"^v(\d+)\.(\d+)\.(\d+)\+k3s(\d+)$")
_PRINTED = re.compile(r"\bk3s version (v\S+)")


@dataclass(frozen=True, order=True)
class Version:
    major: int
    minor: int
    patch: int
    build: int


def parse(text: str) -> Version:
    found = _FULL.match(text)
    if not found:
        raise K3sError(f"{text!r} is not a K3s version; write it in full, like v1.34.2+k3s1")
    return Version(*(int(part) for part in found.groups()))


def printed(output: str) -> str:
    """The version in the output of `k3s --version`, or nothing."""
    found = _PRINTED.search(output)
    return found.group(1) if found else ""


def guard(installed: str, wanted: str) -> str | None:
    """The fault in going from the installed version to the wanted one."""
    if not installed:
        return None
    old, new = parse(installed), parse(wanted)
    if new < old:
        return (
            f"k3s_common_version {wanted} is older than {installed} on this host; K3s cannot go back, "
            "since the datastore is already of the newer version. Set the installed version, or restore a snapshot"
        )
    if (new.major, new.minor) > (old.major, old.minor + 1):
        return (
            f"k3s_common_version {wanted} skips a minor version after {installed}; "
            f"go to a v{old.major}.{old.minor + 1} release first"
        )
    return None
