"""Gap: an Aurora cluster forgets which logs it exports to CloudWatch, so that it never comes to its desired state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import rds

from sandbox.ministack_compat.types import Params, Response

FIELD = "EnabledCloudwatchLogsExports"


def apply() -> None:
    plain_create, plain_modify, plain_xml = (
        rds._ACTION_MAP["CreateDBCluster"],
        rds._ACTION_MAP["ModifyDBCluster"],
        rds._cluster_xml,
    )

    def create(params: Params) -> Response:
        answer: Response = plain_create(params)
        _store(params, set(rds._parse_member_list(params, "EnableCloudwatchLogsExports")), set())
        return answer

    def modify(params: Params) -> Response:
        answer: Response = plain_modify(params)
        change = "CloudwatchLogsExportConfiguration"
        _store(
            params,
            set(rds._parse_member_list(params, f"{change}.EnableLogTypes")),
            set(rds._parse_member_list(params, f"{change}.DisableLogTypes")),
        )
        return answer

    def cluster_xml(cluster: Mapping[str, Any]) -> str:
        members = "".join(f"<member>{name}</member>" for name in cluster.get(FIELD) or [])
        return f"{plain_xml(cluster)}<{FIELD}>{members}</{FIELD}>"

    rds._ACTION_MAP["CreateDBCluster"] = create
    rds._ACTION_MAP["ModifyDBCluster"] = modify
    rds._cluster_xml = cluster_xml


def _store(params: Params, enabled: set[str], disabled: set[str]) -> None:
    cluster = rds._resolve_cluster_in_request_region(rds._p(params, "DBClusterIdentifier"))
    if cluster is not None and (enabled or disabled):
        cluster[FIELD] = sorted((set(cluster.get(FIELD) or []) | enabled) - disabled)
