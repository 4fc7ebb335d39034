"""What the roles of this collection take, and which of them a stage uses; read from the files themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.names import SURVEY

_NAMED = re.compile(r"hosts: *(\w+)|groups\['(\w+)'\]")
COLLECTION = "tiketi.platform."
MAIN = "main"  # the entry point of a role that names no other
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_INCLUDES = tuple(f"{prefix}{verb}_role" for prefix in ("ansible.builtin.", "") for verb in ("include", "import"))
_NESTED = ("block", "rescue", "always")


@dataclass(frozen=True)
class RoleUse:
    """A role in a play or in another role, with the conditions under which it runs and the variables that it is given."""

    name: str
    when: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()
    entry: str = MAIN


@dataclass(frozen=True)
class Role:
    """One role: its options over all entry points, its defaults, and the roles that it runs itself."""

    name: str
    options: Mapping[str, Mapping[str, Any]]
    required: Mapping[str, frozenset[str]]  # by entry point
    defaults: Mapping[str, Any]
    uses: tuple[RoleUse, ...] = ()

    def needs(self, use: RoleUse) -> frozenset[str]:
        """Return the options that nobody gave a value; tasks without a specification of their own have that of the role."""
        return self.required.get(use.entry, self.required.get(MAIN, frozenset())) - use.variables


@dataclass(frozen=True)
class Play:
    """One play of a playbook: the group it runs on, its roles, and the variables it sets for all of them."""

    group: str
    roles: tuple[RoleUse, ...]
    variables: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Catalogue:
    roles: Mapping[str, Role]
    plays: Sequence[Play]
    groups: frozenset[str] = frozenset()  # every group that a playbook names
    playbook: str = "site.yml"

    def options(self) -> dict[str, Mapping[str, Any]]:
        """Return every variable that is known with its specification; one of a survey has that of the option it fills."""
        found = {name: spec for role in self.roles.values() for name, spec in role.options.items()}
        return found | {name: found[option] for name, option in SURVEY.items() if option in found}

    def active(self, groups: Mapping[str, Sequence[str]]) -> frozenset[str]:
        """Return the roles that run where these groups have hosts, those inside other roles too."""
        found: set[str] = set()
        left = [use.name for play in self.plays if groups.get(play.group) for use in play.roles]
        while left:
            name = left.pop()
            if name not in found and name in self.roles:
                found.add(name)
                left += [use.name for use in self.roles[name].uses]
        return frozenset(found)

    def reached(self, use: RoleUse) -> Iterator[RoleUse]:
        """Yield a use and those inside its role, each with the conditions and variables on the way to it."""
        seen: set[RoleUse] = set()
        left = [use]
        while left:
            one = left.pop()
            if one in seen:
                continue
            seen.add(one)
            yield one
            inner = self.roles[one.name].uses if one.name in self.roles else ()
            left += [
                replace(each, when=one.when + each.when, variables=one.variables | each.variables) for each in inner
            ]


def load(root: Path, playbook: str = "site.yml") -> Catalogue:
    """Read the roles of the collection at `root`, and the plays of one of its playbooks."""
    roles = {path.name: _role(path) for path in sorted((root / "roles").iterdir()) if path.is_dir()}
    named = (_NAMED.findall(path.read_text()) for path in sorted((root / "playbooks").glob("*.yml")))
    groups = frozenset(group for found in named for pair in found for group in pair if group)
    return Catalogue(roles=roles, plays=tuple(_plays(root / "playbooks" / playbook)), groups=groups, playbook=playbook)


def _role(path: Path) -> Role:
    entries = (_read(path / "meta" / "argument_specs.yml") or {}).get("argument_specs", {})
    options: dict[str, Mapping[str, Any]] = {}
    for entry in entries.values():
        options.update(entry.get("options") or {})
    defaults = _read(path / "defaults" / "main.yml") or {}
    required = {
        name: frozenset(
            option
            for option, spec in (entry.get("options") or {}).items()
            if spec.get("required") and option not in defaults
        )
        for name, entry in entries.items()
    }
    return Role(path.name, options, required, defaults, tuple(_inside(path)))


def _inside(path: Path) -> Iterator[RoleUse]:
    """Yield the roles that a role depends on or runs in its tasks and handlers."""
    for entry in (_read(path / "meta" / "main.yml") or {}).get("dependencies") or []:
        yield _role_entry(entry)
    for file in sorted([*path.glob("tasks/**/*.yml"), *path.glob("handlers/**/*.yml")]):
        yield from _included(_read(file) or [])


def _plays(playbook: Path) -> Iterator[Play]:
    for play in _read(playbook) or []:
        imported = play.get("ansible.builtin.import_playbook") or play.get("import_playbook")
        if imported:
            yield from _plays(playbook.parent / imported)
            continue
        tasks = [task for part in ("pre_tasks", "tasks", "post_tasks", "handlers") for task in play.get(part) or []]
        uses = [*map(_role_entry, play.get("roles") or []), *_included(tasks)]
        yield Play(_group(str(play["hosts"])), tuple(uses), frozenset(play.get("vars") or {}))


def _group(hosts: str) -> str:
    """Return the group that a play runs on, be it a part of it (`webs[0]`) or looked up (`groups['webs']`)."""
    looked_up = re.search(r"groups\['(\w+)'\]", hosts)
    return looked_up[1] if looked_up else hosts.partition("[")[0]


def _role_entry(entry: Any) -> RoleUse:
    if isinstance(entry, str):
        return _use(entry, {})
    return _use(entry.get("role") or entry["name"], entry)


def _included(tasks: Sequence[Mapping[str, Any]], outer: tuple[Mapping[str, Any], ...] = ()) -> Iterator[RoleUse]:
    """Yield the roles that tasks include or import, those in blocks too."""
    for task in tasks:
        for module in _INCLUDES:
            if module in task:
                use = _use(task[module]["name"], *outer, task)
                yield replace(use, entry=task[module].get("tasks_from", MAIN).removesuffix(".yml"))
        for part in _NESTED:
            yield from _included(task.get(part) or [], (*outer, task))


def _use(name: str, *entries: Mapping[str, Any]) -> RoleUse:
    """Return the use of a role, by what is said at it and at the blocks around it."""
    conditions: list[str] = []
    variables: set[str] = set()
    for entry in entries:
        when = entry.get("when", [])
        conditions += map(str, when if isinstance(when, list) else [when])
        variables |= set(entry.get("vars") or {})
    return RoleUse(name.removeprefix(COLLECTION), tuple(conditions), frozenset(variables))


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader=_LOADER) if path.is_file() else None  # noqa: S506 - a safe loader
