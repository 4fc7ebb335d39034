"""Gap: a rule of a security group that names a prefix list is kept without it, so the rule lets nobody in and is missed for ever."""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

from sandbox.ministack_compat.types import Params


def apply() -> None:
    plain = ec2._parse_ip_permissions

    def parse(params: Params, prefix: str) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = plain(params, prefix)
        for number, rule in enumerate(rules, 1):
            rule["PrefixListIds"] = _lists(params, f"{prefix}.{number}.PrefixListIds") or rule["PrefixListIds"]
        return rules

    ec2._parse_ip_permissions = parse


def _lists(params: Params, prefix: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    while one := ec2._p(params, f"{prefix}.{len(found) + 1}.PrefixListId"):
        words = ec2._p(params, f"{prefix}.{len(found) + 1}.Description")
        found.append({"PrefixListId": one, **({"Description": words} if words else {})})
    return found
