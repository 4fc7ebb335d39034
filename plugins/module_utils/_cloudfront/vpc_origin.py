"""A VPC origin: CloudFront's way to an instance or a load balancer that has no public address.

CloudFront does not change or delete one that a distribution uses. So what it leads to is in its name: another instance is
another origin, the distribution is led there, and the old one goes after that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from .api import CloudFront, Raw
from .errors import CloudFrontError, FaultyWishError
from .wait import DEPLOYED, Waiter

LONGEST_PREFIX = 50  # of the 64 characters that a name may have


@dataclass(frozen=True)
class VpcOrigin:
    prefix: str
    endpoint: str  # ARN of the instance or load balancer
    protocol: str = "http-only"
    http_port: int = 80
    https_port: int = 443

    @property
    def name(self) -> str:
        """One for each place and way: what cannot be changed in use is told apart by it."""
        parts = "|".join((self.endpoint, self.protocol, str(self.http_port), str(self.https_port)))
        return f"{self.prefix}-{hashlib.sha256(parts.encode()).hexdigest()[:10]}"

    def request(self) -> Raw:
        return {
            "Name": self.name,
            "Arn": self.endpoint,
            "HTTPPort": self.http_port,
            "HTTPSPort": self.https_port,
            "OriginProtocolPolicy": self.protocol,
            "OriginSslProtocols": {"Quantity": 1, "Items": ["TLSv1.2"]},
        }


def present(api: CloudFront, wish: VpcOrigin, tags: dict[str, str], waiter: Waiter, check_mode: bool) -> dict[str, Any]:
    if not 1 <= len(wish.prefix) <= LONGEST_PREFIX:
        raise FaultyWishError(
            [f"name {wish.prefix!r} has {len(wish.prefix)} characters, 1 to {LONGEST_PREFIX} fit. Mend: shorten it"]
        )
    found = next((row for row in api.vpc_origins() if row["Name"] == wish.name), None)
    origin_id = str(found["Id"]) if found else ""
    if not check_mode:
        if found is None:
            origin_id = api.create_vpc_origin(wish.request(), tags)
        if found is None or found["Status"] != DEPLOYED:  # a distribution takes only one that is there
            waiter.until_vpc_origin_deployed(origin_id)
    shown = {"id": origin_id, "name": wish.name, "endpoint": wish.endpoint}
    after = {} if found else {"name": wish.name, "endpoint": wish.endpoint, "protocol": wish.protocol}
    return {"changed": found is None, "diff": {"before": {}, "after": after}, "vpc_origin": shown, "removed": []}


def absent(api: CloudFront, prefix: str, keep: str, check_mode: bool) -> dict[str, Any]:
    """Remove those of this prefix that no distribution uses any more, without the one to keep."""
    own = [row for row in api.vpc_origins() if _of(str(row["Name"]), prefix) and row["Id"] != keep]
    used = _used(api.distributions()) if own else set()
    if not keep and (held := sorted(str(row["Name"]) for row in own if row["Id"] in used)):
        raise CloudFrontError(
            message=f"VPC origin {', '.join(held)} is used by a distribution. Mend: give it another origin, or delete it first"
        )
    # One in use goes with a later run, when no edge has it any more; so does one that is still being made.
    going = [row for row in own if row["Id"] not in used and row["Status"] == DEPLOYED]
    if not check_mode:
        for row in going:
            if current := api.vpc_origin(str(row["Id"])):
                api.delete_vpc_origin(str(row["Id"]), current[1])
    names = [str(row["Name"]) for row in going]
    return {"changed": bool(going), "diff": {"before": names, "after": []}, "vpc_origin": {}, "removed": names}


def _of(name: str, prefix: str) -> bool:
    head, _, tail = name.rpartition("-")
    return head == prefix and len(tail) == 10


def _used(distributions: list[Raw]) -> set[str]:
    return {
        str((origin.get("VpcOriginConfig") or {}).get("VpcOriginId", ""))
        for row in distributions
        for origin in row.get("Origins", {}).get("Items") or []
    }
