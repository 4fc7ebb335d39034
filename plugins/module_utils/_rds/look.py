"""One look at a cluster and everything around it. Read only."""

from __future__ import annotations

from typing import Any

from .api import RDS
from .compare import compare, messages
from .model import Found, Wish
from .versions import Resolution, keeps, resolve


def read(api: RDS, wish: Wish) -> Found:
    group = api.parameter_group(wish.parameter_group)
    cluster = api.cluster(wish.name)
    return Found(
        cluster=cluster,
        instances=api.instances(wish.name) if cluster else [],
        subnet_group=api.subnet_group(wish.subnet_group),
        parameter_group=group,
        parameters=api.parameters(wish.parameter_group) if group else [],
        parameter_group_tags=api.tags(group["DBClusterParameterGroupArn"]) if group else {},
    )


def look(api: RDS, wish: Wish) -> dict[str, Any]:
    """The comparison of aurora_cluster_info: its result."""
    found = read(api, wish)
    version = _version(api, found, wish)
    notes = [version.message] if version.message else []
    differences = compare(found, wish, version.version)
    return {
        "differences": differences.as_dict(),
        "lines": differences.lines(),
        "status": found.status,
        "ready": found.ready,
        "engine_version": version.version,
        "messages": notes + messages(found, wish),
        "endpoints": endpoints(found.cluster),
    }


def _version(api: RDS, found: Found, wish: Wish) -> Resolution:
    current = found.cluster["EngineVersion"] if found.cluster else None
    # The list of versions is long, and a standing cluster seldom needs it.
    offered = [] if current and keeps(wish.engine_version, current) else api.engine_versions(wish.cluster["engine"])
    return resolve(wish.engine_version, offered, current)


def endpoints(cluster: dict[str, Any] | None) -> dict[str, Any]:
    raw = cluster or {}
    return {
        "host": raw.get("Endpoint", ""),
        "reader_host": raw.get("ReaderEndpoint") or raw.get("Endpoint", ""),
        "port": raw.get("Port") or 0,
        "name": raw.get("DatabaseName", ""),
    }
