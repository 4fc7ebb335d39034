"""The images that a stage builds: folders that are there, and repositories that the stage makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._container_image.model import Image, context_faults
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault

OPTION = "container_image_images"
MEND = "give the folder that holds the Containerfile, and the Containerfile relative to it"


def check(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Check the declared images; entries of a wrong type are others' to name."""
    declared = values.get(OPTION)
    entries = list(declared) if isinstance(declared, Sequence) and not isinstance(declared, str) else []
    names = [entry.get("name") for entry in entries if isinstance(entry, Mapping)]
    for name in sorted({str(name) for name in names if name and names.count(name) > 1}):
        yield Fault(OPTION, f"declares {name} twice", "give each image a name of its own")
    arguments = values.get("container_image_build_args")
    for index, entry in enumerate(entries):
        if isinstance(entry, Mapping) and isinstance(entry.get("name"), str) and isinstance(entry.get("context"), str):
            where = f"{OPTION}[{index}] {entry['name']}"
            for fault in _context(entry, arguments if isinstance(arguments, Mapping) else {}):
                yield Fault(where, fault, MEND)
            yield from _repository(where, entry, values)


def _context(entry: Mapping[str, Any], arguments: Mapping[str, Any]) -> Iterator[str]:
    context, file, own = Path(entry["context"]).expanduser(), entry.get("containerfile"), entry.get("build_args")
    given = {**arguments, **(own if isinstance(own, Mapping) else {})}
    yield from context_faults(
        Image(
            name=entry["name"],
            context=context,
            containerfile=context / (file if isinstance(file, str) and file else "Containerfile"),
            build_args={str(key): str(value) for key, value in given.items()},
            platform="",
            repository="",
        )
    )


def _repository(where: str, entry: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Fault]:
    made, given = values.get("ecr_repository_names"), values.get("container_image_repositories")
    name = entry.get("repository") or entry["name"]
    if isinstance(given, Mapping):
        known = set(map(str, given))
    elif isinstance(made, Sequence) and not isinstance(made, str):
        known = set(map(str, made))
    else:
        return  # known later, or told by the check of types
    if known and name not in known:
        yield Fault(
            where,
            f"has no repository {name}",
            f"name it in ecr_repository_names, or set repository to one of {', '.join(sorted(known))}",
        )
