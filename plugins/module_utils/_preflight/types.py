"""Values against the types of an argument specification, without the kind conversions that hide mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault, Later

PLACEHOLDERS = ("changeme", "change_me", "change-me", "replace_me", "todo", "xxx")
WORDS = {
    "str": "text",
    "path": "a path",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a dictionary",
}


def check(name: str, value: Any, spec: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield every fault of a value that the user set."""
    if isinstance(value, Later):
        return
    kind = spec.get("type", "str")
    if value is None:
        yield Fault(
            name, "has no value", f"give it {WORDS.get(kind, 'a value')}, or remove the line to take the default"
        )
        return
    if not _fits(kind, value):
        if spec.get("no_log"):  # a password is not shown, not even in the mend
            yield Fault(name, f"is not {WORDS.get(kind, kind)}", f"give it {WORDS.get(kind, kind)}, in quotes")
        else:
            yield Fault(name, f"is {_shown(value)}, expected {WORDS.get(kind, kind)}", _mend(name, kind, value))
        return
    if isinstance(value, str):
        yield from _check_text(name, value, spec)
    if spec.get("required") and isinstance(value, Sequence) and not value and not isinstance(value, str):
        yield Fault(name, "is empty", f"list at least one. {_about(spec)}".rstrip())
    choices = spec.get("choices")
    if choices and value not in choices:
        yield Fault(name, f"is {_shown(value)}", f"choose one of {', '.join(map(str, choices))}")
    if isinstance(value, Mapping):
        yield from _check_mapping(name, value, spec)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        inner = {"type": spec.get("elements", "raw"), **{key: spec[key] for key in ("options",) if key in spec}}
        for index, item in enumerate(value):
            yield from check(f"{name}[{index}]", item, inner)


def _about(spec: Mapping[str, Any]) -> str:
    about = spec.get("description", "")
    return about if isinstance(about, str) else " ".join(map(str, about))


def _check_text(name: str, value: str, spec: Mapping[str, Any]) -> Iterator[Fault]:
    if not value.strip() and (spec.get("required") or spec.get("default")):
        yield Fault(name, "is empty", "give it a value, or remove the line to take the default")
    if value.strip().lower() in PLACEHOLDERS or (value.startswith("<") and value.endswith(">")):
        yield Fault(name, f"still holds the placeholder {value}", "put the real value there")


def _check_mapping(name: str, value: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[Fault]:
    options = spec.get("options")
    if not options:
        return
    for key in value:
        if key not in options:
            yield Fault(f"{name}.{key}", "is unknown", f"known are {', '.join(sorted(options))}")
    for key, inner in options.items():
        if key in value:
            yield from check(f"{name}.{key}", value[key], inner)
        elif inner.get("required"):
            yield Fault(f"{name}.{key}", "is missing", str(inner.get("description", "set it")))


# Text that is the right value once the quotes are gone.
NOTHING = re.compile(r"(?!)")
LITERAL: Mapping[str, re.Pattern[str]] = {
    "bool": re.compile(r"(?i)true|false|yes|no|on|off"),
    "int": re.compile(r"[+-]?\d+"),
    "float": re.compile(r"[+-]?\d+(\.\d+)?"),
    "list": re.compile(r"(?s)\[.*\]"),
    "dict": re.compile(r"(?s)\{.*\}"),
}
FITS: Mapping[str, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str),
    "path": lambda value: isinstance(value, str),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, Sequence) and not isinstance(value, str),
    "dict": lambda value: isinstance(value, Mapping),
}


def _fits(kind: str, value: Any) -> bool:
    return kind not in FITS or FITS[kind](value)


def _mend(name: str, kind: str, value: Any) -> str:
    short = name.rpartition(".")[2]
    if kind == "str" and short.endswith("mode") and isinstance(value, int) and not isinstance(value, bool):
        return f'quote it: {short}: "{value:04o}" (without quotes YAML reads 0{value:o} as the octal number {value})'
    if kind in ("str", "path") and isinstance(value, bool | int | float):
        return f'quote it: {short}: "{str(value).lower() if isinstance(value, bool) else value}"'
    if isinstance(value, str) and LITERAL.get(kind, NOTHING).fullmatch(value.strip()):
        return f"write it without quotes; on the command line as JSON: -e '{{\"{short}\": {value or '...'}}}'"
    return f"give it {WORDS.get(kind, kind)}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, str):
        return f'the text "{value}"'
    if isinstance(value, int | float):
        return f"the number {value}"
    return "a dictionary" if isinstance(value, Mapping) else "a list"
