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


def test_cloudfront_is_let_in_by_its_prefix_list_at_one_port_and_seen_again() -> None:
    spec = NetworkSpec(project="shop", stage="single", region="eu-west-1", cidr="10.0.0.0/16", edge_port=80)
    desired = desired_groups(spec, edge="pl-1")
    hosts = next(group for group in desired if group["what"] == "hosts")
    assert [rule for rule in hosts["rules"] if "ip_prefix" in rule] == [
        {"proto": "tcp", "ports": [80], "ip_prefix": "pl-1", "rule_desc": "CloudFront"}
    ]
    inside = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-1"}]}
    edge = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "PrefixListIds": [{"PrefixListId": "pl-1"}]}
    there = {
        "GroupName": hosts["name"],
        "GroupId": "sg-1",
        "Tags": [{"Key": key, "Value": value} for key, value in hosts["tags"].items()],
    }
    assert plan_groups([hosts], [{**there, "IpPermissions": [inside, edge]}]) == []
    assert [drift.desired for drift in plan_groups([hosts], [{**there, "IpPermissions": [inside]}])] == [
        "rules tcp 80-80 from pl-1"
    ]


def test_without_a_port_cloudfront_is_let_in_nowhere() -> None:
    assert not any("ip_prefix" in rule for rule in groups("single")["hosts"]["rules"])
