"""CloudFront's private way to a host: one origin for each place, and none goes that a distribution uses."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.errors import CloudFrontError
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.vpc_origin import VpcOrigin, absent, present
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.wait import Waiter

FIRST = VpcOrigin("shop-site", "arn:aws:ec2:eu-west-1:1:instance/i-1")
SECOND = VpcOrigin("shop-site", "arn:aws:ec2:eu-west-1:1:instance/i-2")


class Account:
    """What the module asks of CloudFront. A new origin is Deploying when it is first looked at."""

    def __init__(self) -> None:
        self.origins: dict[str, dict[str, Any]] = {}
        self.used: list[str] = []

    def vpc_origins(self) -> list[dict[str, Any]]:
        return [dict(row) for row in self.origins.values()]

    def vpc_origin(self, origin_id: str) -> tuple[dict[str, Any], str] | None:
        found = dict(self.origins[origin_id])
        self.origins[origin_id]["Status"] = "Deployed"
        return found, f"etag-{origin_id}"

    def create_vpc_origin(self, config: dict[str, Any], tags: dict[str, str]) -> str:
        assert len(config["Name"]) <= 64
        made = f"vo_{len(self.origins)}"
        self.origins[made] = {"Id": made, "Name": config["Name"], "Status": "Deploying", "Tags": tags}
        return made

    def delete_vpc_origin(self, origin_id: str, etag: str) -> None:
        assert etag == f"etag-{origin_id}"
        assert origin_id not in self.used
        del self.origins[origin_id]

    def distributions(self) -> list[dict[str, Any]]:
        items = [{"VpcOriginConfig": {"VpcOriginId": one}} for one in self.used] + [{"S3OriginConfig": {}}]
        return [{"Id": "E1", "Origins": {"Quantity": len(items), "Items": items}}]


@pytest.fixture
def account() -> Any:
    return Account()


def make(account: Any, wish: VpcOrigin, check: bool = False) -> dict[str, Any]:
    return present(account, wish, {"Project": "shop"}, Waiter(account, 60, sleep=lambda _: None), check)


def test_it_is_made_once_and_awaited(account: Any) -> None:
    assert make(account, FIRST, check=True)["changed"]
    assert account.origins == {}
    made = make(account, FIRST)
    assert (made["changed"], made["vpc_origin"]["id"]) == (True, "vo_0")
    assert account.origins["vo_0"]["Status"] == "Deployed"
    assert make(account, FIRST)["changed"] is False


def test_another_instance_is_another_origin_and_the_old_one_goes_when_nobody_uses_it(account: Any) -> None:
    old, new = (make(account, wish)["vpc_origin"]["id"] for wish in (FIRST, SECOND))
    account.used = [old]
    assert absent(account, "shop-site", new, check_mode=False)["changed"] is False, "an edge may still use it"
    account.used = [new]
    assert absent(account, "shop-site", new, check_mode=True)["removed"] == [FIRST.name]
    assert absent(account, "shop-site", new, check_mode=False)["changed"]
    assert list(account.origins) == [new]


def test_one_in_use_is_not_removed_and_another_site_s_is_not_touched(account: Any) -> None:
    mine = make(account, FIRST)["vpc_origin"]["id"]
    make(account, VpcOrigin("shop-site-two", FIRST.endpoint))
    account.used = [mine]
    with pytest.raises(CloudFrontError) as caught:
        absent(account, "shop-site", "", check_mode=False)
    assert FIRST.name in str(caught.value.message)
    account.used = []
    assert absent(account, "shop-site", "", check_mode=False)["removed"] == [FIRST.name]
    assert len(account.origins) == 1
