"""One look at everything a role manages in ElastiCache, and what of it differs from the wish. Read only."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from . import parameter_group
from .api import ElastiCache
from .args import spec_from, spec_options
from .errors import FaultyRequestError
from .model import AVAILABLE, CREATE_FAILED, Group, Spec
from .parameter_group import ParameterGroupSpec
from .plan import Kind, plan
from .view import endpoints, snake, summary

ABSENT = "absent"


def compare(api: ElastiCache, wanted: dict[str, Any], token_version: str | None) -> dict[str, Any]:
    """The look of elasticache_replication_group_info: its result, without the secret's version."""
    spec = _spec(wanted["replication_group"], token_version)
    found = api.read_group(spec.replication_group_id)
    group, raw = found if found else (None, None)
    differences: dict[str, list[str]] = {"subnet_group": [], "parameter_group": []}
    if wanted.get("subnet_group"):
        differences["subnet_group"] = subnet_group_differences(api, **wanted["subnet_group"])
    if wanted.get("parameter_group"):
        part = parameter_group.spec_from(wanted["parameter_group"])
        differences["parameter_group"] = parameter_group_differences(api, part)
    differences["replication_group"] = group_differences(group, spec)
    return {
        "replication_groups": [snake(raw, group.tags)] if raw and group else [],
        "differences": differences,
        "differs": any(differences.values()),
        "status": group.status if group else ABSENT,
        "current": summary(group),
        "endpoints": endpoints(raw),
    }


def subnet_group_differences(api: ElastiCache, name: str, subnet_ids: list[str]) -> list[str]:
    raw = api.describe_subnet_group(name.lower())
    if raw is None:
        return [f"{name} does not exist"]
    have = sorted(subnet["SubnetIdentifier"] for subnet in raw.get("Subnets", []))
    if have == sorted(subnet_ids):
        return []
    return [f"subnets of {name}: {', '.join(have)} -> {', '.join(sorted(subnet_ids))}"]


def parameter_group_differences(api: ElastiCache, spec: ParameterGroupSpec) -> list[str]:
    current = parameter_group.read(api, spec.name)
    steps = parameter_group.plan(current, spec)
    if current is None:
        return [f"{spec.name} does not exist"]
    found = [f"{name}: {current.values[name]} -> {value}" for name, value in steps.values.items()]
    found += [f"tag {name}: {current.tags.get(name)} -> {value}" for name, value in steps.tags.items()]
    return found + [f"tag {name}: {current.tags[name]} -> none" for name in steps.untag]


def group_differences(current: Group | None, spec: Spec) -> list[str]:
    if current is not None and current.status not in (AVAILABLE, CREATE_FAILED):
        # What a busy group answers is not complete, so it is not compared.
        return [f"{spec.replication_group_id} is {current.status}"]
    actions = plan(current, spec)
    if current is None:
        return [f"{spec.replication_group_id} does not exist"]
    return [str(action) for action in actions if action.after or action.kind is not Kind.TAG]


def _spec(options: dict[str, Any], token_version: str | None) -> Spec:
    checked = ArgumentSpecValidator(spec_options()).validate(options)
    if checked.error_messages:
        raise FaultyRequestError([f"compare.replication_group: {message}" for message in checked.error_messages])
    values: dict[str, Any] = checked.validated_parameters
    if token_version:
        values["auth_token_version"] = token_version
    return spec_from(values)
