"""What the roles of this collection take, and which of them a stage uses; read from the files themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_NAMED = re.compile(r"hosts: *(\w+)|groups\['(\w+)'\]")
COLLECTION = "tiketi.platform."
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Role:
    """One role: its options over all entry points, and its defaults."""

    name: str
    options: Mapping[str, Mapping[str, Any]]
    required: frozenset[str]  # of the entry point main
    defaults: Mapping[str, Any]


@dataclass(frozen=True)
class RoleUse:
    """A role in a play, with the conditions under which it runs."""

    name: str
    when: tuple[str, ...] = ()


@dataclass(frozen=True)
class Play:
    """One play of site.yml: the group it runs on, its roles, and the variables it sets itself."""

    group: str
    roles: tuple[RoleUse, ...]
    variables: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Catalogue:
    roles: Mapping[str, Role]
    plays: Sequence[Play]
    groups: frozenset[str] = frozenset()  # every group that a playbook names

    def options(self) -> dict[str, Mapping[str, Any]]:
        return {name: spec for role in self.roles.values() for name, spec in role.options.items()}

    def owner(self, name: str) -> Role | None:
        return next((role for role in self.roles.values() if name in role.options), None)

    def defaults(self) -> dict[str, Any]:
        return {name: value for role in self.roles.values() for name, value in role.defaults.items()}


def load(root: Path) -> Catalogue:
    """Read roles and playbooks of the collection at `root`."""
    roles = {path.name: _role(path) for path in sorted((root / "roles").iterdir()) if path.is_dir()}
    named = (_NAMED.findall(path.read_text()) for path in sorted((root / "playbooks").glob("*.yml")))
    groups = frozenset(group for found in named for pair in found for group in pair if group)
    return Catalogue(roles=roles, plays=tuple(_plays(root / "playbooks" / "site.yml")), groups=groups)


def _role(path: Path) -> Role:
    entries = (_read(path / "meta" / "argument_specs.yml") or {}).get("argument_specs", {})
    options: dict[str, Mapping[str, Any]] = {}
    for entry in entries.values():
        options.update(entry.get("options") or {})
    main = (entries.get("main") or {}).get("options") or {}
    defaults = _read(path / "defaults" / "main.yml") or {}
    required = frozenset(name for name, spec in main.items() if spec.get("required") and name not in defaults)
    return Role(path.name, options, required, defaults)


def _plays(playbook: Path) -> Iterator[Play]:
    for play in _read(playbook) or []:
        imported = play.get("ansible.builtin.import_playbook") or play.get("import_playbook")
        if imported:
            yield from _plays(playbook.parent / imported)
            continue
        entries = [_role_entry(entry) for entry in play.get("roles", [])]
        entries += [entry for task in play.get("tasks", []) if (entry := _included(task))]
        variables = {*play.get("vars", {}), *(name for _use, names in entries for name in names)}
        group = str(play["hosts"]).partition("[")[0]
        yield Play(group, tuple(use for use, _names in entries), frozenset(variables))


Entry = tuple[RoleUse, tuple[str, ...]]


def _role_entry(entry: Any) -> Entry:
    if isinstance(entry, str):
        return _use(entry, None), ()
    return _use(entry.get("role") or entry["name"], entry.get("when")), tuple({**entry, **entry.get("vars", {})})


def _included(task: Mapping[str, Any]) -> Entry | None:
    for module in ("ansible.builtin.include_role", "ansible.builtin.import_role"):
        if module in task:
            return _use(task[module]["name"], task.get("when")), tuple(task.get("vars", {}))
    return None


def _use(name: str, when: Any) -> RoleUse:
    conditions = [] if when is None else when if isinstance(when, list) else [when]
    return RoleUse(name.removeprefix(COLLECTION), tuple(str(condition) for condition in conditions))


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader=_LOADER) if path.is_file() else None  # noqa: S506 - a safe loader
