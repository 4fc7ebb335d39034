"""What ElastiCache refuses, said before anything is touched. No I/O."""

from __future__ import annotations

import re
from typing import Any

from .model import CREATE_FAILED, IMMUTABLE, TLS_DISABLED, TLS_REQUIRED, TOKEN_VERSION_TAG, Group, Spec, same
from .versions import as_numbers, keeps, older

TOKEN_MIN, TOKEN_MAX = 16, 128
TOKEN_PATTERN = re.compile(r"[A-Za-z0-9!&#$^<>-]*")
ID_PATTERN = re.compile(r"[a-z](?:-?[a-z0-9])*")
ID_MAX = 40
MAX_REPLICAS = 5
TLS_CHANGE_SINCE = (7, 0, 5)
TAG_VALUE_PATTERN = re.compile(r"[\w\s+=.:/@-]{1,200}")


def faults_of_token(token: str) -> list[str]:
    """The rules of the AUTH token. The token itself never appears in a fault."""
    faults = []
    if not TOKEN_MIN <= len(token) <= TOKEN_MAX:
        faults.append(
            f"auth_token has {len(token)} characters, ElastiCache takes {TOKEN_MIN} to {TOKEN_MAX}: generate another"
        )
    if not TOKEN_PATTERN.fullmatch(token):
        faults.append(
            "auth_token has characters that ElastiCache refuses: letters, digits and ! & # $ ^ < > - are allowed,"
            " so base64 (+ / =) is not; generate another"
        )
    return faults


def faults_of_spec(spec: Spec, *, creating: bool) -> list[str]:
    """What is wrong with the wish itself."""
    faults = []
    if len(spec.replication_group_id) > ID_MAX or not ID_PATTERN.fullmatch(spec.replication_group_id):
        faults.append(
            f"replication_group_id {spec.replication_group_id!r} is not a name for ElastiCache: start with a letter,"
            f" at most {ID_MAX} lower-case letters, digits and single hyphens, no hyphen at the end"
        )
    if spec.auth_token is not None:
        faults += faults_of_token(spec.auth_token)
    if spec.auth_token_version is not None and not TAG_VALUE_PATTERN.fullmatch(spec.auth_token_version):
        faults.append("auth_token_version is kept as a tag: 1 to 200 letters, digits, spaces and + - = . _ : / @")
    if TOKEN_VERSION_TAG in (spec.tags or {}):
        faults.append(f"tags must not set {TOKEN_VERSION_TAG}, which the module keeps itself: use auth_token_version")
    if creating:
        faults += _faults_of_creation(spec)
    return faults


def _faults_of_creation(spec: Spec) -> list[str]:
    faults = [
        f"{name} is required to create replication group {spec.replication_group_id}: set it"
        for name in ("node_type", "description")
        if not getattr(spec, name)
    ]
    if spec.primary_cluster_id:
        faults.append("primary_cluster_id names a member of a group that does not exist yet: leave it out")
    tls = spec.transit_encryption_mode or TLS_DISABLED
    return faults + faults_of_result(spec, tls, spec.replica_count or 0, {})


def faults_of_change(current: Group, spec: Spec) -> list[str]:
    """What cannot be reached from what stands."""
    name = spec.replication_group_id
    if current.status == CREATE_FAILED:
        return [f"{name} is in status {CREATE_FAILED}: remove it with state=absent, mend the cause and run again"]
    if current.cluster_enabled or current.shards > 1:
        return [f"{name} has cluster mode enabled ({current.shards} shards), which this module does not manage"]
    faults = []
    for option in IMMUTABLE:
        wanted, have = getattr(spec, option), current.values.get(option)
        if wanted is not None and not same(option, have, wanted):
            faults.append(
                f"{option} of {name} is {have} and cannot become {wanted}, it is fixed at creation:"
                " restore a snapshot into a new group, or leave the option as it is"
            )
    tls = spec.transit_encryption_mode or current.tls
    if tls != current.tls and as_numbers(current.values.get("engine_version")) < TLS_CHANGE_SINCE:
        faults.append(
            f"transit_encryption_mode of {name} is {current.tls} and cannot become {tls} on engine"
            f" {current.values.get('engine_version')}: 7.0.5 or newer is needed, upgrade engine_version first"
        )
    faults += _faults_of_version(current, spec)
    replicas = current.replica_count if spec.replica_count is None else spec.replica_count
    faults += faults_of_result(spec, tls, replicas, current.values, has_token=current.auth_token_enabled)
    return faults + _faults_of_primary(current, spec)


def _faults_of_version(current: Group, spec: Spec) -> list[str]:
    wanted, have = spec.engine_version, current.values.get("engine_version")
    if not wanted or not older(wanted, have) or keeps(spec, current.values):
        return []
    return [
        f"engine_version of {spec.replication_group_id} is {have}, a downgrade to {wanted} is refused by ElastiCache:"
        f" set engine_version to {'.'.join(map(str, as_numbers(have)[:2]))}"
    ]


def _faults_of_primary(current: Group, spec: Spec) -> list[str]:
    wanted = spec.primary_cluster_id
    if wanted is None or wanted == current.primary:
        return []
    if wanted not in current.members:
        return [
            f"primary_cluster_id {wanted} is no member of {spec.replication_group_id}: {', '.join(current.members)}"
        ]
    failover = spec.automatic_failover_enabled
    failover = current.values.get("automatic_failover_enabled") if failover is None else failover
    if failover and len(current.members) > 2:
        return [
            f"with automatic failover and {current.replica_count} replicas ElastiCache itself chooses the next primary:"
            " set automatic_failover_enabled and multi_az_enabled to false while promoting"
        ]
    return []


def faults_of_result(
    spec: Spec, tls: str, replicas: int, values: dict[str, Any], *, has_token: bool = False
) -> list[str]:
    """Relations that must hold once the wish is applied."""
    faults = []
    failover = spec.automatic_failover_enabled
    failover = values.get("automatic_failover_enabled", False) if failover is None else failover
    multi_az = values.get("multi_az_enabled", False) if spec.multi_az_enabled is None else spec.multi_az_enabled
    if not 0 <= replicas <= MAX_REPLICAS:
        faults.append(f"replica_count is {replicas}, ElastiCache takes 0 to {MAX_REPLICAS}")
    if failover and replicas < 1:
        faults.append("automatic_failover_enabled needs a replica_count of at least 1: raise it or switch failover off")
    if multi_az and not failover:
        faults.append("multi_az_enabled needs automatic_failover_enabled: switch both on or both off")
    if (spec.wants_token or has_token) and tls != TLS_REQUIRED:
        faults.append(
            f"an auth token needs transit_encryption_mode required, it is {tls}: the token would travel in the clear"
        )
    if spec.kms_key_id and spec.at_rest_encryption_enabled is False:
        faults.append("kms_key_id needs at_rest_encryption_enabled")
    return faults
