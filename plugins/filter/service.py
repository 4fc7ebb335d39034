# Copyright: the developers of tiketi.platform
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Filters between the facts of a stage and the module service_deploy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

_STORE_KEYS = {
    "database": ("host", "port", "name", "secret", "ca_file"),
    "redis": ("host", "port", "secret", "tls", "ca_file"),
}


def service_secret_names(
    services: Iterable[Mapping[str, Any]], prefix: str = "", database: str = "", redis: str = ""
) -> list[str]:
    """Name the secrets of Secrets Manager that the services need."""
    names = set()
    for service in services:
        names |= {prefix + secret["name"] for secret in service.get("secrets") or []}
        names |= {database} if service.get("database") else set()
        names |= {redis} if service.get("redis") else set()
    return sorted(names - {""})


def service_store(facts: Mapping[str, Any], kind: str, secret: str = "") -> dict[str, Any]:
    """Reduce the facts of a store to what a service needs of it; `secret` replaces theirs, as services do not log in as master."""
    if not facts:
        return {}
    return {**{key: facts[key] for key in _STORE_KEYS[kind] if key in facts}, **({"secret": secret} if secret else {})}


def service_secrets(names: Sequence[str], texts: Sequence[str]) -> dict[str, dict[str, str]]:
    """Pair the names of secrets with their content, without ever showing it; nothing where some are missing."""
    found: dict[str, dict[str, str]] = {}
    if len(names) != len(texts):
        return found
    for name, text in zip(names, texts, strict=True):
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise AnsibleFilterError(
                f'The secret {name} is not a JSON object. Write it as one, such as {{"key": "..."}}.'
            )
        found[name] = {str(key): str(value) for key, value in content.items()}
    return found


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "service_secret_names": service_secret_names,
            "service_secrets": service_secrets,
            "service_store": service_store,
        }
