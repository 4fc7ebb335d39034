"""The argument spec of aurora_cluster_info, and the way from parameters to a Wish."""

from __future__ import annotations

from typing import Any

from .model import Wish


def info_options() -> dict[str, Any]:
    """A fresh dictionary at each call, as AnsibleModule changes it."""
    return {
        "db_cluster_identifier": {"type": "str", "required": True, "aliases": ["name", "id"]},
        "engine_version": {"type": "str", "required": True},
        "cluster": {
            "type": "dict",
            "required": True,
            "options": {
                "engine": {"type": "str", "default": "aurora-postgresql"},
                "port": {"type": "int"},
                "master_username": {"type": "str"},
                "database_name": {"type": "str"},
                "storage_encrypted": {"type": "bool"},
                "kms_key_id": {"type": "str"},
                "deletion_protection": {"type": "bool"},
                "backup_retention_period": {"type": "int"},
                "preferred_backup_window": {"type": "str"},
                "preferred_maintenance_window": {"type": "str"},
                "copy_tags_to_snapshot": {"type": "bool"},
            },
        },
        "security_group_ids": {"type": "list", "elements": "str", "required": True},
        "log_exports": {"type": "list", "elements": "str", "default": []},
        "subnet_group_name": {"type": "str", "required": True},
        "subnet_ids": {"type": "list", "elements": "str", "required": True},
        "parameter_group_name": {"type": "str", "required": True},
        "parameter_family": {"type": "str", "required": True},
        "parameters": {"type": "dict", "default": {}},
        "instances": {"type": "list", "elements": "str", "required": True},
        "instance": {
            "type": "dict",
            "required": True,
            "options": {
                "db_instance_class": {"type": "str"},
                "auto_minor_version_upgrade": {"type": "bool"},
                "publicly_accessible": {"type": "bool"},
                "ca_certificate_identifier": {"type": "str"},
            },
        },
        "tags": {"type": "dict", "default": {}},
        "ca_file": {"type": "path"},
    }


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in values.items()}


def wish_from(params: dict[str, Any]) -> Wish:
    """RDS keeps names in lower case."""
    subnet_group, parameter_group = params["subnet_group_name"].lower(), params["parameter_group_name"].lower()
    cluster = {name: value for name, value in params["cluster"].items() if value not in (None, "")}
    cluster |= {"db_subnet_group_name": subnet_group, "db_cluster_parameter_group_name": parameter_group}
    return Wish(
        name=params["db_cluster_identifier"].lower(),
        engine_version=params["engine_version"],
        cluster=cluster,
        security_group_ids=params["security_group_ids"],
        log_exports=params["log_exports"],
        tags=_texts(params["tags"]),
        subnet_group=subnet_group,
        subnet_ids=params["subnet_ids"],
        parameter_group=parameter_group,
        parameter_family=params["parameter_family"],
        parameters=_texts(params["parameters"]),
        instance_names=[name.lower() for name in params["instances"]],
        instance={name: value for name, value in params["instance"].items() if value not in (None, "")},
    )
