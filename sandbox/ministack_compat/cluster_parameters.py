"""Gap: only seven parameters of an Aurora PostgreSQL cluster parameter group are known; others are refused."""

from __future__ import annotations

from typing import Any

from ministack.services import rds


def _parameter(name: str, default: str, apply_type: str, data_type: str, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "default": default,
        "apply_type": apply_type,
        "data_type": data_type,
        "description": description,
        "modifiable": True,
    }


MISSING = (
    _parameter("rds.force_ssl", "0", "dynamic", "boolean", "Force SSL connections"),
    _parameter("rds.logical_replication", "0", "static", "boolean", "Enables logical decoding"),
    _parameter("max_replication_slots", "20", "static", "integer", "Replication slots the server can support"),
    _parameter("max_wal_senders", "20", "static", "integer", "Simultaneously running WAL sender processes"),
    _parameter("max_logical_replication_workers", "4", "static", "integer", "Logical replication workers"),
    _parameter("max_worker_processes", "8", "static", "integer", "Concurrent worker processes"),
    _parameter("shared_preload_libraries", "", "static", "list", "Libraries to preload into the server"),
    _parameter("log_lock_waits", "0", "dynamic", "boolean", "Logs long lock waits"),
    _parameter("idle_in_transaction_session_timeout", "86400000", "dynamic", "integer", "Idle transaction limit, ms"),
)


def apply() -> None:
    plain = rds._default_parameters_for_family

    def parameters(family: str) -> list[dict[str, Any]]:
        known: list[dict[str, Any]] = plain(family)
        if "postgres" not in family.lower():
            return known
        names = {parameter["name"] for parameter in known}
        return known + [parameter for parameter in MISSING if parameter["name"] not in names]

    rds._default_parameters_for_family = parameters
