"""What a secret consists of, and how its values are made."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._secret.errors import SecretError

ALPHABETS = {
    "alphanumeric": string.ascii_letters + string.digits,
    "hex": "0123456789abcdef",
    # ElastiCache takes 16 to 128 printable characters, and of the others only these signs.
    "redis": string.ascii_letters + string.digits + "!&#$^<>-",
}
LENGTHS = {"alphanumeric": (16, 1024), "hex": (16, 1024), "redis": (16, 128)}


@dataclass(frozen=True)
class Shape:
    """One key of a secret: a constant, or random text of an alphabet."""

    key: str
    constant: str | None = None
    length: int = 0
    alphabet: str = "alphanumeric"
    current: bool = False  # a constant that follows its declaration

    def make(self) -> str:
        if self.constant is not None:
            return self.constant
        letters = ALPHABETS[self.alphabet]
        return "".join(secrets.choice(letters) for _ in range(self.length))

    def fault(self, value: Any) -> str:
        """Say what is wrong with a value that is there, without showing it."""
        if not isinstance(value, str) or not value:
            return "is empty or not text"
        if self.alphabet != "redis":
            return ""
        low, high = LENGTHS["redis"]
        if not low <= len(value) <= high:
            return f"has {len(value)} characters; ElastiCache takes {low} to {high}"
        if set(value) - set(ALPHABETS["redis"]):
            return "holds characters that ElastiCache refuses; allowed are letters, digits and ! & # $ ^ < > -"
        return ""


@dataclass(frozen=True)
class Wanted:
    """One declared secret."""

    name: str
    shapes: Sequence[Shape]


def parse(declared: Sequence[Mapping[str, Any]]) -> list[Wanted]:
    """Read the declaration; name every fault at once."""
    wanted, faults = read(declared)
    if faults:
        raise SecretError("Secrets are declared wrongly: " + "; ".join(faults) + ".")
    return wanted


def read(declared: Sequence[Mapping[str, Any]]) -> tuple[list[Wanted], list[str]]:
    """Return what is declared, and what is wrong with it."""
    faults: list[str] = []
    names = [str(entry.get("name", "")) for entry in declared]
    faults += [f"{name}: declared twice" for name in sorted({name for name in names if names.count(name) > 1})]
    wanted = []
    for entry in declared:
        name, keys = str(entry.get("name", "")), entry.get("keys") or {}
        if not name or not keys or not isinstance(keys, Mapping):
            faults.append(f"{name or 'a secret without name'}: needs a name and at least one key")
            continue
        shapes = [_shape(name, str(key), options, faults) for key, options in keys.items()]
        wanted.append(Wanted(name, shapes))
    return wanted, faults


def _shape(name: str, key: str, options: Any, faults: list[str]) -> Shape:
    where = f"{name}.{key}"
    if not isinstance(options, Mapping):
        faults.append(f"{where}: give {{value: ...}} for a constant or {{length: ..., alphabet: ...}}")
        return Shape(key)
    unknown = sorted(set(options) - {"value", "length", "alphabet", "current"})
    if unknown:
        faults.append(f"{where}: unknown option {', '.join(unknown)}; known are value, current, length, alphabet")
    if "value" in options:
        if set(options) & {"length", "alphabet"}:
            faults.append(f"{where}: value excludes length and alphabet")
        return Shape(key, constant=str(options["value"]), current=options.get("current") is True)
    alphabet, length = options.get("alphabet", "alphanumeric"), options.get("length")
    if alphabet not in ALPHABETS:
        faults.append(f"{where}: alphabet {alphabet} is unknown; known are {', '.join(ALPHABETS)}")
        return Shape(key)
    low, high = LENGTHS[alphabet]
    if not isinstance(length, int) or isinstance(length, bool) or not low <= length <= high:
        faults.append(f"{where}: length must be a number from {low} to {high}")
        return Shape(key)
    return Shape(key, length=length, alphabet=alphabet)
