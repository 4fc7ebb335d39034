"""Read the folder of service files, one service a file, and lay the stage's overrides over them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import Fault, InvalidServicesError
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Service
from ansible_collections.tiketi.platform.plugins.module_utils._service.parse import BAD, nearest, parse, reporter
from ansible_collections.tiketi.platform.plugins.module_utils._service.validate import relation_faults

OVERRIDES = "service_overrides"


class _Loader(yaml.SafeLoader):
    """YAML as Ansible reads it, except that a key written twice is an error and not a silent last-one-wins."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _value in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key} is written twice", key_node.start_mark)
        seen.add(key)
    return dict(loader.construct_mapping(node, deep=True))


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `over` on `base`: dictionaries merge key by key, all else is replaced, null takes the key away."""
    merged = dict(base)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def _read(path: Path, faults: list[Fault]) -> dict[str, Any] | None:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it is not UTF-8"
        faults.append(Fault(path.name, "", f"the file cannot be read{line}: {problem}", "Mend the YAML"))
        return None
    if not isinstance(data, Mapping):
        faults.append(Fault(path.name, "", "the file holds no dictionary", "Write the keys of one service into it"))
        return None
    return dict(data)


def read_services(folder: str, overrides: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the definition of each service of the folder, sorted by name; raise InvalidServicesError with all faults at once."""
    faults: list[Fault] = []
    root = Path(folder)
    files = sorted(path for suffix in ("*.yml", "*.yaml") for path in root.glob(suffix)) if folder else []
    if not files:
        problem = "the folder does not exist" if not root.is_dir() else "the folder holds no *.yml file"
        raise InvalidServicesError(
            [Fault("platform_services_dir", folder, problem, "Name the folder of the service files")]
        )
    found = {path: data for path in files if (data := _read(path, faults)) is not None}
    definitions: list[dict[str, Any]] = []
    parsed: list[tuple[str, Service]] = []
    broken: list[tuple[str, str, tuple[str, ...]]] = []
    for path, data in found.items():
        name = str(data.setdefault("name", path.stem))
        over = overrides.get(name) or {}
        if not isinstance(over, Mapping):
            faults.append(
                Fault(OVERRIDES, name, f"{over!r} is not a dictionary", "Write the keys of the service below its name")
            )
            over = {}
        if "name" in over:
            faults.append(Fault(OVERRIDES, f"{name}.name", "a stage cannot rename a service", "Remove the key"))
        definition = merge(data, over)
        definitions.append(definition)
        service = parse(Service, definition, "", reporter(faults, path.name, over, f"{OVERRIDES}.{name}"))
        if service is not BAD:
            parsed.append((path.name, service))
        else:
            own = definition.get("paths")
            paths = tuple(item for item in own if isinstance(item, str)) if isinstance(own, list) else ()
            broken.append((path.name, name, paths))
    names = [str(data["name"]) for data in found.values()]
    for unknown in sorted(set(overrides) - set(names)):
        faults.append(Fault(OVERRIDES, unknown, "there is no such service", nearest(unknown, names or ["none"])))
    # One unreadable file must not make its callers' references look wrong as well.
    faults += relation_faults(
        parsed, known_names=[*names, *(path.stem for path in files if path not in found)], broken=broken
    )
    if faults:
        raise InvalidServicesError(faults)
    return sorted(definitions, key=lambda definition: str(definition["name"]))
