"""What the controller itself must have: a container engine where images are built, and sound service files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from shutil import which
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._preflight import needs
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault
from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import InvalidServicesError
from ansible_collections.tiketi.platform.plugins.module_utils._service.source import read_services

ENGINES = ("podman", "docker")


def check_engine(wanted: str, find: Callable[[str], str | None] = which) -> Iterator[Fault]:
    """Check that an engine can build and push images."""
    engines = ENGINES if wanted == "auto" else (wanted,)
    if not any(find(engine) for engine in engines):
        names = " or ".join(engines)
        yield Fault(
            "container_image_engine",
            f"{names} is not on this machine's PATH",
            "apt-get install podman, or install Docker",
        )


def check_services(
    values: Mapping[str, Any], groups: Mapping[str, Sequence[str]], absent: needs.Absent
) -> Iterator[Fault]:
    """Check every service file: unknown keys, wrong types, two services on one path; and what the services need of the stage."""
    folder, overrides = values.get("service_deploy_dir"), values.get("service_deploy_overrides") or {}
    if not isinstance(folder, str) or not isinstance(overrides, Mapping):
        return  # the check of types has said it
    definitions: list[dict[str, Any]] = []
    try:
        definitions = read_services(folder, overrides)
    except InvalidServicesError as error:
        for fault in error.faults:
            yield Fault(f"{fault.where}: {fault.key}" if fault.key else fault.where, fault.problem, fault.mend)
    yield from needs.check(definitions, values, groups)
    yield from needs.check_secrets(definitions, values, absent)
