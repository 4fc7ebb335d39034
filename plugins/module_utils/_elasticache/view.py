"""What the modules give back of a replication group."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict

from .api import ElastiCache
from .model import Group


def describe(api: ElastiCache, name: str) -> dict[str, Any]:
    """The group as the API describes it, with its tags; empty when there is none."""
    raw = api.describe_group(name)
    return {} if raw is None else snake(raw, api.tags(raw["ARN"]))


def snake(raw: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
    return {**camel_dict_to_snake_dict(raw), "tags": tags}


def endpoints(raw: dict[str, Any] | None) -> dict[str, Any]:
    """Where clients connect; the address is empty as long as there is no primary."""
    groups = raw.get("NodeGroups", []) if raw else []
    primary = groups[0].get("PrimaryEndpoint", {}) if groups else {}
    reader = groups[0].get("ReaderEndpoint", {}) if groups else {}
    return {
        "host": primary.get("Address", ""),
        "port": primary.get("Port", 0),
        "reader_host": reader.get("Address", ""),
    }


def summary(group: Group | None) -> dict[str, Any]:
    """The properties that the plan compares, under the names of the options."""
    if group is None:
        return {}
    return {
        **group.values,
        "replica_count": group.replica_count,
        "transit_encryption_mode": group.tls,
        "auth_token_version": group.token_version,
        "primary_cluster_id": group.primary,
        "tags": group.tags,
    }
