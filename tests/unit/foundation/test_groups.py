"""Who may reach whom when data moves from one stage to another."""

from __future__ import annotations

from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._foundation.groups import desired_groups, plan_groups
from ansible_collections.tiketi.platform.plugins.module_utils._foundation.network import NetworkSpec


def groups(stage: str, **changes: Any) -> dict[str, dict[str, Any]]:
    spec = NetworkSpec(project="shop", stage=stage, region="eu-west-1", cidr="10.0.0.0/16", **changes)
    return {group["what"]: group for group in desired_groups(spec)}


def test_stores_let_in_the_hosts_of_later_stages_by_one_group() -> None:
    found = groups("k3s")
    assert sorted(found) == ["aurora", "hosts", "redis", "store_clients"]
    assert found["store_clients"]["name"] == "shop-store-clients"
    for what in ("aurora", "redis"):
        assert [rule["group_name"] for rule in found[what]["rules"]] == ["shop-k3s-hosts", "shop-store-clients"]


def test_a_stage_on_the_stores_of_another_makes_no_groups_for_stores() -> None:
    assert sorted(groups("k3s", data_stage="managed")) == ["hosts", "store_clients"]
    assert groups("k3s", data_stage="k3s") == groups("k3s")


def test_a_source_lets_in_the_stores_of_the_project_by_reference() -> None:
    found = groups("single", data_sources=True)
    assert list(found).index("stores") < list(found).index(
        "hosts"
    )  # the rule of the hosts refers to it, so it is made first
    assert found["stores"]["name"] == "shop-stores"
    rule = next(rule for rule in found["hosts"]["rules"] if rule.get("ports") == [5432])
    assert rule["group_name"] == "shop-stores"
    assert "cidr_ip" not in rule


def test_stores_let_in_the_hosts_of_the_stage_that_data_moves_from() -> None:
    found = groups("managed", store_client_stages=["single"])
    for what in ("aurora", "redis"):
        assert [rule["group_name"] for rule in found[what]["rules"]] == [
            "shop-managed-hosts",
            "shop-store-clients",
            "shop-single-hosts",
        ]


def test_a_rule_that_is_missing_is_drift() -> None:
    desired = list(groups("single", data_sources=True).values())
    there = [
        {
            "GroupName": group["name"],
            "GroupId": f"sg-{group['what']}",
            "Tags": [{"Key": key, "Value": value} for key, value in group["tags"].items()],
            "IpPermissions": [],
        }
        for group in desired
    ]
    drift = plan_groups(desired, there)
    assert any("tcp 5432-5432 from sg-stores" in entry.desired for entry in drift)
