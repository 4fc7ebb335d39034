"""The files of a project: compose.yml, an environment file for each service, and the fingerprint of each container. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._compose.model import Project, Service, Unit

PROJECT_LABEL = "platform.project"
DEFINITION_LABEL = "platform.definition"
SECRETS = "/secrets"  # where a container finds its secret files
NETWORK = "internal"
HEAD = "# Managed by tiketi.platform; written anew at each run. No secret is in this file.\n"


def environment_file(service: Service) -> str:
    return "".join(f"{name}={value}\n" for name, value in sorted(service.environment.items()))


def _plain(value: Any) -> Any:
    """Compose replaces variables in values: a dollar is meant as one."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def _container(unit: Unit, folder: str) -> dict[str, Any]:
    service = unit.service
    volumes = list(service.volumes)
    if service.secret_files:
        volumes.append(f"{folder}/secrets/{service.name}:{SECRETS}:ro")
    known: dict[str, Any] = {
        "image": service.image,
        "container_name": unit.container,
        "restart": "always",
        "stop_grace_period": f"{service.stop_grace}s",
        "networks": [NETWORK],
        "env_file": [f"{folder}/{service.name}.env"] if service.environment else [],
        "entrypoint": list(service.entrypoint),
        "command": list(service.command),
        "volumes": volumes,
        "ports": [f"{one.address}:{unit.host_port(one)}:{one.port}" for one in service.publish],
        "user": service.user,
        "mem_limit": service.memory,
        "shm_size": service.shm_size,
        "read_only": service.read_only,
        "tmpfs": [*(["/tmp"] if service.read_only else []), *service.tmpfs],  # noqa: S108 - the container's own
        "cap_drop": ["ALL"],
        "cap_add": list(service.capabilities),
        "security_opt": ["no-new-privileges"],
        "logging": {"driver": "journald"},
    }
    return {key: value for key, value in known.items() if value not in ("", [], {}, False)}


def fingerprint(unit: Unit, folder: str, key: bytes) -> str:
    """Of everything that a container is made from. Keyed, so that no one can try out short secrets against it."""
    parts = [_container(unit, folder), environment_file(unit.service), dict(unit.service.secret_files)]
    return hmac.new(key, json.dumps(parts, sort_keys=True).encode(), hashlib.sha256).hexdigest()[:32]


def fingerprints(project: Project, folder: str, key: bytes) -> dict[str, str]:
    return {unit.container: fingerprint(unit, folder, key) for unit in project.units}


def compose_file(project: Project, folder: str, definitions: Mapping[str, str]) -> str:
    """One compose service for each container, so that each can be replaced alone by any implementation of compose."""
    services = {}
    for unit in project.units:
        labels = [f"{PROJECT_LABEL}={project.name}", f"{DEFINITION_LABEL}={definitions[unit.container]}"]
        services[unit.name] = {**_plain(_container(unit, folder)), "labels": labels}
    document: dict[str, Any] = {"services": services, "networks": {NETWORK: {}}}
    named = sorted({volume.split(":", 1)[0] for unit in project.units for volume in unit.service.volumes})
    volumes = [name for name in named if not name.startswith("/")]
    if volumes:
        document["volumes"] = {name: {} for name in volumes}
    return HEAD + yaml.safe_dump(document, sort_keys=False, width=4096)
