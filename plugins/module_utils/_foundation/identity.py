"""The role and the instance profile of the hosts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._foundation.model import (
    Drift,
    Json,
    missing,
    stage_tags,
    tag_drift,
)


@dataclass(frozen=True)
class IdentitySpec:
    project: str
    stage: str
    policies: Sequence[str]


@dataclass(frozen=True)
class IdentityState:
    role: Json | None = None
    policies: Sequence[str] = ()
    profile: Json | None = None


def trust_policy() -> Json:
    """Only EC2 may take the role."""
    statement = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def desired_identity(spec: IdentitySpec) -> Json:
    tags = stage_tags(spec.project, spec.stage, "host")
    return {"name": tags["Name"], "tags": tags, "policies": list(spec.policies), "trust": trust_policy()}


def plan_identity(desired: Json, state: IdentityState) -> list[Drift]:
    """Compare role, policies and profile; policies that others attached are theirs."""
    label = f"role {desired['name']}"
    drift: list[Drift] = []
    if state.role is None:
        drift.append(missing(label))
    else:
        drift += tag_drift(label, state.role, desired["tags"])
        if _document(state.role.get("AssumeRolePolicyDocument")) != desired["trust"]:
            drift.append(Drift(label, "trusts others", "trusts ec2.amazonaws.com only"))
        lacking = sorted(set(desired["policies"]) - set(state.policies))
        drift += [Drift(label, "not attached", policy) for policy in lacking]
    label = f"instance profile {desired['name']}"
    if state.profile is None:
        return [*drift, missing(label)]
    if [role["RoleName"] for role in state.profile.get("Roles", [])] != [desired["name"]]:
        drift.append(Drift(label, "other role", desired["name"]))
    return drift


def _document(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
