"""Role and instance profile of the hosts."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.identity import (
    IdentitySpec,
    IdentityState,
    desired_identity,
    plan_identity,
    trust_policy,
)

ECR, SSM = "arn:aws:iam::aws:policy/ecr", "arn:aws:iam::aws:policy/ssm"
DESIRED = desired_identity(IdentitySpec("t", "k3s", [ECR, SSM]))
TAGS = [{"Key": key, "Value": value} for key, value in DESIRED["tags"].items()]
ROLE = {"AssumeRolePolicyDocument": trust_policy(), "Tags": TAGS}
PROFILE = {"Roles": [{"RoleName": "t-k3s-host"}]}
EVERYONE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}


@pytest.mark.parametrize(
    ("state", "drift"),
    [
        (IdentityState(ROLE, [ECR, SSM], PROFILE), []),
        (IdentityState(ROLE, [ECR, SSM, "arn:of:others"], PROFILE), []),
        (IdentityState(ROLE, [ECR], PROFILE), [SSM]),
        (IdentityState(None, [], None), ["present", "present"]),
        (IdentityState(ROLE, [ECR, SSM], {"Roles": []}), ["t-k3s-host"]),
        (
            IdentityState({**ROLE, "AssumeRolePolicyDocument": EVERYONE}, [ECR, SSM], PROFILE),
            ["trusts ec2.amazonaws.com only"],
        ),
    ],
)
def test_plan(state: IdentityState, drift: list[Any]) -> None:
    assert [entry.desired for entry in plan_identity(DESIRED, state)] == drift
