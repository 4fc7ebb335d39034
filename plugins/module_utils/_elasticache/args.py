"""The argument spec of a wanted replication group, and the way from parameters to a Spec."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from .model import SET, TLS_MODES, TOKEN_STRATEGIES, Spec

LOG_DELIVERY_OPTIONS: dict[str, Any] = {
    "log_type": {"type": "str", "required": True, "choices": ["slow-log", "engine-log"]},
    "destination_type": {
        "type": "str",
        "default": "cloudwatch-logs",
        "choices": ["cloudwatch-logs", "kinesis-firehose"],
    },
    "destination": {"type": "str", "required": True},
    "log_format": {"type": "str", "default": "json", "choices": ["json", "text"]},
}


def spec_options() -> dict[str, Any]:
    """The options that describe a group; a fresh dictionary at each call, as AnsibleModule changes it."""
    return {
        "replication_group_id": {"type": "str", "required": True, "aliases": ["name", "id"]},
        "description": {"type": "str"},
        "engine": {"type": "str", "choices": ["redis", "valkey"]},
        "engine_version": {"type": "str"},
        "node_type": {"type": "str"},
        "replica_count": {"type": "int"},
        "port": {"type": "int"},
        "parameter_group_name": {"type": "str"},
        "subnet_group_name": {"type": "str"},
        "security_group_ids": {"type": "list", "elements": "str"},
        "maintenance_window": {"type": "str"},
        "snapshot_window": {"type": "str"},
        "snapshot_retention_limit": {"type": "int"},
        "snapshot_name": {"type": "str"},
        "automatic_failover_enabled": {"type": "bool"},
        "multi_az_enabled": {"type": "bool"},
        "auto_minor_version_upgrade": {"type": "bool"},
        "notification_topic_arn": {"type": "str"},
        "transit_encryption_mode": {"type": "str", "choices": list(TLS_MODES)},
        "at_rest_encryption_enabled": {"type": "bool"},
        "kms_key_id": {"type": "str"},
        "auth_token": {"type": "str", "no_log": True},
        "auth_token_version": {"type": "str", "no_log": False},
        "auth_token_update_strategy": {
            "type": "str",
            "choices": list(TOKEN_STRATEGIES),
            "default": SET,
            "no_log": False,
        },
        "force_auth_token_update": {"type": "bool", "default": False, "no_log": False},
        "log_delivery": {"type": "list", "elements": "dict", "options": dict(LOG_DELIVERY_OPTIONS)},
        "primary_cluster_id": {"type": "str"},
        "tags": {"type": "dict", "aliases": ["resource_tags"]},
        "purge_tags": {"type": "bool", "default": True},
        "apply_immediately": {"type": "bool", "default": True},
    }


def spec_from(params: dict[str, Any]) -> Spec:
    """A Spec of validated parameters."""
    values = {f.name: params[f.name] for f in fields(Spec) if params.get(f.name) is not None}
    values["replication_group_id"] = values["replication_group_id"].lower()
    if "tags" in values:
        values["tags"] = {str(key): str(value) for key, value in values["tags"].items()}
    return Spec(**values)
