"""Which calls bring a replication group from what stands to what is wanted. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from .errors import FaultyRequestError
from .model import (
    IMMUTABLE,
    MODIFIABLE,
    ROTATE,
    ROTATED_SUFFIX,
    SET,
    TLS_DISABLED,
    TLS_MODES,
    TLS_REQUIRED,
    TOKEN_VERSION_TAG,
    Group,
    Spec,
    same,
)
from .rules import faults_of_change, faults_of_spec
from .versions import keeps


class Kind(Enum):
    CREATE = "create"
    MODIFY = "modify"
    AUTH_TOKEN = "set auth token"  # noqa: S105  (the name of a step)
    INCREASE_REPLICAS = "increase replicas"
    DECREASE_REPLICAS = "decrease replicas"
    PROMOTE = "promote"
    FAIL_OVER = "fail over"
    TAG = "tag"
    UNTAG = "untag"


@dataclass(frozen=True)
class Action:
    """One API call. `before` and `after` are its share of the diff; a token is in neither."""

    kind: Kind
    request: dict[str, Any] = field(default_factory=dict, repr=False)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)

    @property
    def settles(self) -> bool:
        """Whether the group leaves `available` for a while."""
        return self.kind not in (Kind.TAG, Kind.UNTAG)

    def __str__(self) -> str:
        changes = ", ".join(f"{key}: {self.before.get(key)} -> {value}" for key, value in self.after.items())
        return f"{self.kind.value} ({changes})" if changes else self.kind.value


def plan(current: Group | None, spec: Spec) -> list[Action]:
    """The calls in their order; empty when nothing differs. Raises with every fault at once."""
    faults = faults_of_spec(spec, creating=current is None)
    if current is not None:
        faults += faults_of_change(current, spec)
    if faults:
        raise FaultyRequestError(faults)
    if current is None:
        return [_create(spec)]
    return [
        *_transit_encryption(current, spec),
        *_replicas(current, spec, up=True),
        *_modify(current, spec),
        *_auth_token(current, spec),
        *_replicas(current, spec, up=False),
        *_primary(current, spec),
        *_tags(current, spec),
    ]


def _create(spec: Spec) -> Action:
    shown = {name: getattr(spec, name) for name in {**IMMUTABLE, **MODIFIABLE} if getattr(spec, name) is not None}
    request: dict[str, Any] = {{**IMMUTABLE, **MODIFIABLE}[name]: value for name, value in shown.items()}
    request["ReplicationGroupId"] = spec.replication_group_id
    request.setdefault("ReplicationGroupDescription", spec.replication_group_id)
    shown["replica_count"] = spec.replica_count or 0
    request["NumCacheClusters"] = shown["replica_count"] + 1
    if spec.snapshot_name:
        request["SnapshotName"] = shown["snapshot_name"] = spec.snapshot_name
    if spec.transit_encryption_mode:
        shown["transit_encryption_mode"] = spec.transit_encryption_mode
        request["TransitEncryptionEnabled"] = spec.transit_encryption_mode != TLS_DISABLED
        if spec.transit_encryption_mode not in (TLS_DISABLED, TLS_REQUIRED):
            request["TransitEncryptionMode"] = spec.transit_encryption_mode
    if spec.log_delivery is not None:
        shown["log_delivery"] = spec.log_delivery
        request["LogDeliveryConfigurations"] = [_log_request(entry) for entry in spec.log_delivery]
    if spec.wants_token:
        shown["auth_token"] = _token_words(spec.auth_token_version)
        request["AuthToken"] = spec.auth_token
    tags = dict(spec.tags or {})
    if spec.auth_token_version:
        tags[TOKEN_VERSION_TAG] = spec.auth_token_version
    if tags:
        shown["tags"] = tags
        request["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    return Action(Kind.CREATE, request, {}, shown)


def _transit_encryption(current: Group, spec: Spec) -> Iterator[Action]:
    """One step at a time: disabled, preferred, required. AWS refuses a jump between the ends."""
    if spec.transit_encryption_mode is None:
        return
    here, there = TLS_MODES.index(current.tls), TLS_MODES.index(spec.transit_encryption_mode)
    step = 1 if there > here else -1
    for index in range(here, there, step):
        mode = TLS_MODES[index + step]
        request: dict[str, Any] = {"TransitEncryptionEnabled": mode != TLS_DISABLED}
        if mode != TLS_DISABLED:
            request["TransitEncryptionMode"] = mode
        # These two are refused in the maintenance window mode.
        request["ApplyImmediately"] = True
        before = {"transit_encryption_mode": TLS_MODES[index]}
        yield Action(Kind.MODIFY, request, before, {"transit_encryption_mode": mode})


def _replicas(current: Group, spec: Spec, *, up: bool) -> Iterator[Action]:
    wanted, have = spec.replica_count, current.replica_count
    if wanted is None or wanted == have or (wanted > have) is not up:
        return
    kind = Kind.INCREASE_REPLICAS if up else Kind.DECREASE_REPLICAS
    # The API knows no other moment than now for a change of the count.
    request = {"NewReplicaCount": wanted, "ApplyImmediately": True}
    yield Action(kind, request, {"replica_count": have}, {"replica_count": wanted})


def _is(current: Group, spec: Spec, option: str, wanted: Any) -> bool:
    if option == "engine_version":
        return keeps(spec, current.values)
    return same(option, current.values.get(option), wanted)


def _modify(current: Group, spec: Spec) -> Iterator[Action]:
    request: dict[str, Any] = {}
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for option, parameter in MODIFIABLE.items():
        wanted = getattr(spec, option)
        if wanted is None or _is(current, spec, option, wanted):
            continue
        request[parameter] = after[option] = wanted
        before[option] = current.values.get(option)
    if spec.log_delivery is not None:
        entries = _log_changes(current, spec.log_delivery)
        if entries:
            request["LogDeliveryConfigurations"] = entries
            before["log_delivery"], after["log_delivery"] = list(current.log_delivery), spec.log_delivery
    if request:
        request["ApplyImmediately"] = spec.apply_immediately
        yield Action(Kind.MODIFY, request, before, after)


def _log_request(entry: dict[str, Any]) -> dict[str, Any]:
    key, name = ("CloudWatchLogsDetails", "LogGroup")
    if entry["destination_type"] == "kinesis-firehose":
        key, name = ("KinesisFirehoseDetails", "DeliveryStream")
    return {
        "LogType": entry["log_type"],
        "DestinationType": entry["destination_type"],
        "DestinationDetails": {key: {name: entry["destination"]}},
        "LogFormat": entry["log_format"],
        "Enabled": True,
    }


def _log_changes(current: Group, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    have = {entry["log_type"]: entry for entry in current.log_delivery}
    changes = [_log_request(entry) for entry in wanted if have.get(entry["log_type"]) != entry]
    gone = set(have) - {entry["log_type"] for entry in wanted}
    return changes + [{"LogType": log_type, "Enabled": False} for log_type in sorted(gone)]


def _token_words(version: str | None) -> str:
    return f"version {version}" if version else "hidden"


def _auth_token(current: Group, spec: Spec) -> Iterator[Action]:
    """A new token is added by ROTATE, so that both work, and made the only one by SET."""
    if not spec.wants_token:
        return
    version, strategy = spec.auth_token_version, spec.auth_token_update_strategy
    rotated = f"{version}{ROTATED_SUFFIX}"
    if not current.auth_token_enabled:
        steps = [strategy]
    elif version and current.token_version == rotated:
        steps = [SET] if strategy == SET else []
    elif spec.force_auth_token_update or (version and current.token_version != version):
        steps = [ROTATE, SET] if strategy == SET else [ROTATE]
    else:
        return
    before = _token_words(current.token_version) if current.auth_token_enabled else "none"
    for step in steps:
        request = {"AuthToken": spec.auth_token, "AuthTokenUpdateStrategy": step, "ApplyImmediately": True}
        after = _token_words(version) + (" beside the one before" if step == ROTATE else "")
        yield Action(Kind.AUTH_TOKEN, request, {"auth_token": before}, {"auth_token": after})
        if version:
            value = version if step == SET else rotated
            yield Action(Kind.TAG, {"Tags": {TOKEN_VERSION_TAG: value}})
        before = after


def _primary(current: Group, spec: Spec) -> Iterator[Action]:
    wanted = spec.primary_cluster_id
    if wanted is None or wanted == current.primary:
        return
    before, after = {"primary_cluster_id": current.primary}, {"primary_cluster_id": wanted}
    failover = spec.automatic_failover_enabled
    if failover is None:
        failover = current.values.get("automatic_failover_enabled")
    if failover:
        yield Action(Kind.FAIL_OVER, {}, before, after)
    else:
        yield Action(Kind.PROMOTE, {"PrimaryClusterId": wanted, "ApplyImmediately": True}, before, after)


def _tags(current: Group, spec: Spec) -> Iterator[Action]:
    if spec.tags is None:
        return
    # The token's version is the module's own tag, and AWS refuses to touch those of its own.
    have = {k: v for k, v in current.tags.items() if not k.startswith("aws:") and k != TOKEN_VERSION_TAG}
    set_ = {k: v for k, v in spec.tags.items() if have.get(k) != v}
    gone = sorted(set(have) - set(spec.tags)) if spec.purge_tags else []
    if gone:
        remaining = {k: v for k, v in have.items() if k not in gone}
        yield Action(Kind.UNTAG, {"TagKeys": gone}, {"tags": have}, {"tags": remaining})
        have = remaining
    if set_:
        yield Action(Kind.TAG, {"Tags": set_}, {"tags": have}, {"tags": {**have, **set_}})
