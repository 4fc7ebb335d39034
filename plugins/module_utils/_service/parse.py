"""Untyped YAML data to the dataclasses of model.py, with every fault collected instead of the first one raised."""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import Fault

Report = Callable[[str, str, str], None]
_SHOWN = {str: "text", bool: "true or false", int: "number", float: "number", Mapping: "dictionary", list: "list"}
_NAMES = {str: "a text", int: "a whole number", bool: "true or false"}


class _Bad:
    """Stands for a value that was reported as wrong, so that one mistake is told once."""


BAD = _Bad()


def nearest(word: str, known: Sequence[str]) -> str:
    """Say which of the known words was probably meant."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"Did you mean {close[0]}?" if close else f"Known are {', '.join(sorted(known))}"


def _shown(value: Any) -> str:
    # By its base type, as Ansible hands over subclasses of its own.
    kind = next((name for base, name in _SHOWN.items() if isinstance(value, base)), type(value).__name__)
    return f"{value!r} ({kind})"


def _mend(wanted: type, value: Any) -> str:
    if wanted is str and isinstance(value, (bool, int, float)):
        return "Put it in quotes"
    if wanted is not str and isinstance(value, str):
        return f"Write {_NAMES[wanted]}, without quotes"
    return f"Write {_NAMES[wanted]}"


def _scalar(wanted: type, value: Any, path: str, limits: Mapping[str, Any], report: Report) -> Any:
    # bool is an int to Python, but `replicas: true` is a slip.
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        report(path, f"{_shown(value)} is not {_NAMES[wanted]}", _mend(wanted, value))
        return BAD
    if "pattern" in limits and not re.fullmatch(str(limits["pattern"]), str(value)):
        report(path, f"{value!r} cannot be used here", f"Write {limits['hint']}")
        return BAD
    if "choices" in limits and value not in limits["choices"]:
        report(path, f"{value!r} is not a choice", nearest(str(value), limits["choices"]))
        return BAD
    if "low" in limits and not limits["low"] <= value <= limits["high"]:
        report(path, f"{value} is out of range", f"Choose a number from {limits['low']} to {limits['high']}")
        return BAD
    return value


def _items(kind: Any, value: Any, path: str, limits: Mapping[str, Any], report: Report) -> Any:
    if not isinstance(value, (list, tuple)):
        report(path, f"{_shown(value)} is not a list", f"Write a list, [{value}]")
        return BAD
    items = [_value(kind, item, f"{path}[{i}]", limits, report) for i, item in enumerate(value)]
    return BAD if any(item is BAD for item in items) else tuple(items)


def _pairs(kind: Any, value: Any, path: str, limits: Mapping[str, Any], report: Report) -> Any:
    if not isinstance(value, Mapping):
        report(path, f"{_shown(value)} is not a dictionary", "Write NAME: value pairs")
        return BAD
    pairs = {str(k): _value(kind, v, f"{path}.{k}", limits, report) for k, v in value.items()}
    return BAD if any(item is BAD for item in pairs.values()) else pairs


def _value(wanted: Any, value: Any, path: str, limits: Mapping[str, Any], report: Report) -> Any:
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (types.UnionType, typing.Union):
        wanted = next(kind for kind in arguments if kind is not types.NoneType)
    if is_dataclass(wanted):
        return parse(typing.cast(type, wanted), value, path, report)
    if origin is tuple:
        return _items(arguments[0], value, path, limits, report)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return _pairs(arguments[1], value, path, limits, report)
    return _scalar(wanted, value, path, limits, report)


def _required(spec: Field[Any]) -> bool:
    return spec.default is MISSING and spec.default_factory is MISSING


def parse(cls: type, data: Any, path: str, report: Report) -> Any:
    """Build `cls` from `data`; report each unknown key, missing key and wrong value, then return BAD if there were any."""
    if not isinstance(data, Mapping):
        report(path, f"{_shown(data)} is not a dictionary", f"Write the keys of {cls.__name__.lower()}")
        return BAD
    hints = typing.get_type_hints(cls)
    specs = {spec.name: spec for spec in fields(cls)}
    sound, values = True, {}
    dot = f"{path}." if path else ""
    for key in data:
        if key not in specs:
            report(f"{dot}{key}", "is not a known key", nearest(str(key), list(specs)))
            sound = False
    for name, spec in specs.items():
        # A key set to null means its default; that is also how an override takes a key back.
        if data.get(name) is None:
            if _required(spec):
                report(f"{dot}{name}", "is missing", f"Add {name}")
                sound = False
            continue
        values[name] = _value(hints[name], data[name], f"{dot}{name}", spec.metadata, report)
        sound = sound and values[name] is not BAD
    return cls(**values) if sound else BAD


def reporter(faults: list[Fault], where: str, overridden: Mapping[str, Any], override_where: str) -> Report:
    """Make a Report that names the file, or the override where the faulty key came from there."""

    def report(path: str, problem: str, mend: str) -> None:
        node: Any = overridden
        for part in path.split("."):
            node = node.get(part.split("[")[0]) if isinstance(node, Mapping) else node
        faults.append(Fault(override_where if path and node is not None and overridden else where, path, problem, mend))

    return report
