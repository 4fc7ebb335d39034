"""Files of variables that belong to no group and no host: Ansible reads them for nobody, and says nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault

KINDS = {"group_vars": "group", "host_vars": "host"}
SUFFIXES = ("", ".yml", ".yaml", ".json")
ALWAYS = ("all", "ungrouped")
ALMOST = 0.8  # hosts differ by a digit or a hyphen more often than groups do

Groups = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class VariableFile:
    """A file or folder of variables, and what it is called after."""

    path: str
    kind: str  # group or host
    name: str


def read_files(folder: str) -> list[VariableFile]:
    """Read which files of variables stand beside the inventory, save those of groups that may be there in another run."""
    conditional = _conditional(folder)
    found = [
        VariableFile(str(path), kind, path.stem if path.is_file() else path.name)
        for place, kind in KINDS.items()
        for path in (sorted(Path(folder, place).iterdir()) if folder and Path(folder, place).is_dir() else [])
        if (path.is_dir() or path.suffix in SUFFIXES) and not path.name.startswith(".")
    ]
    return [file for file in found if file.kind != "group" or file.name not in conditional]


def _conditional(folder: str) -> set[str]:
    """Return the groups that an inventory plugin makes where a condition holds."""
    found: set[str] = set()
    for path in sorted(Path(folder).glob("*.y*ml")) if folder else []:
        try:
            content: Any = yaml.safe_load(path.read_text())
        except (OSError, yaml.YAMLError):
            continue  # Ansible itself has said it
        if isinstance(content, Mapping) and "plugin" in content and isinstance(content.get("groups"), Mapping):
            found |= set(map(str, content["groups"]))
    return found


def check_files(files: Sequence[VariableFile], groups: Groups, known: Collection[str]) -> Iterator[Fault]:
    """Yield files that are nearly called as a group or host of this stage."""
    for file in _of_nobody(files, groups, known):
        near = get_close_matches(file.name, _names(file.kind, groups, known), n=1, cutoff=ALMOST)
        if near:
            what = f"belongs to no {file.kind} of the inventory, so nobody reads it"
            yield Fault(file.path, what, f"did you mean {file.kind} {near[0]}? Rename the file after it")


def hints(files: Sequence[VariableFile], groups: Groups, known: Collection[str]) -> Iterator[str]:
    """Yield the other files that nobody reads: of a host that was taken away, or of a group of another stage."""
    wrong = {fault.object for fault in check_files(files, groups, known)}
    for file in _of_nobody(files, groups, known):
        if file.path not in wrong:
            yield f"{file.path}: there is no {file.kind} {file.name} in the inventory, so nobody reads this file."


def _of_nobody(files: Sequence[VariableFile], groups: Groups, known: Collection[str]) -> Iterator[VariableFile]:
    yield from (file for file in files if file.name not in _names(file.kind, groups, known))


def _names(kind: str, groups: Groups, known: Collection[str]) -> set[str]:
    if kind == "host":
        return {host for members in groups.values() for host in members}
    return {*groups, *known, *ALWAYS}
