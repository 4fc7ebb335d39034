"""Argument specifications against defaults, keys and values, for every entry point of every role."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = sorted(path for path in Path("roles").iterdir() if path.is_dir())


def _read(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text()) if path.is_file() else None
    return dict(content or {})


def _options(role: Path) -> dict[str, dict[str, Any]]:
    entries = _read(role / "meta" / "argument_specs.yml").get("argument_specs", {})
    return {name: spec for entry in entries.values() for name, spec in (entry.get("options") or {}).items()}


def _is_template(value: Any) -> bool:
    return "{{" in str(value)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: str(role.name))
def test_specs_and_defaults_say_the_same(role: Path) -> None:
    options, defaults = _options(role), _read(role / "defaults" / "main.yml")
    faults = [f"{name} is in defaults/main.yml only" for name in sorted(defaults.keys() - options.keys())]
    for name, spec in options.items():
        if name not in defaults:
            if not spec.get("required") and "default" in spec:
                faults.append(f"{name}: the specification gives a default that sets nothing")
        elif spec.get("required"):
            faults.append(f"{name} is required, yet has a default")
        elif _is_template(defaults[name]):
            if "default" in spec:
                faults.append(f"{name}: the default is a template, which a specification cannot hold")
        elif spec.get("default") != defaults[name]:
            faults.append(f"{name}: specification {spec.get('default')!r}, defaults/main.yml {defaults[name]!r}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: str(role.name))
def test_each_option_has_a_type_and_the_prefix_of_its_role(role: Path) -> None:
    options = _options(role)
    assert [name for name, spec in options.items() if "type" not in spec] == []
    assert [name for name, spec in options.items() if spec["type"] == "list" and "elements" not in spec] == []
    assert [name for name in options if not name.startswith(f"{role.name}_")] == []
