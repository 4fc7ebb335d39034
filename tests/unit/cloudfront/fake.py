# ruff: noqa: S106  (the keys here are made up)
"""A CloudFront in memory that fills in members by itself, as AWS does, and takes a while to deploy."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import botocore.session
from botocore.exceptions import ClientError

ACCOUNT = "111122223333"
WRITES = ("create_", "update_", "delete_", "publish_", "tag_", "untag_")
BEHAVIOR = {
    "TrustedSigners": {"Enabled": False, "Quantity": 0},
    "TrustedKeyGroups": {"Enabled": False, "Quantity": 0},
    "SmoothStreaming": False,
    "Compress": False,
    "LambdaFunctionAssociations": {"Quantity": 0},
    "FunctionAssociations": {"Quantity": 0},
    "FieldLevelEncryptionId": "",
    "GrpcConfig": {"Enabled": False},
    "AllowedMethods": {
        "Quantity": 2, "Items": ["HEAD", "GET"], "CachedMethods": {"Quantity": 2, "Items": ["HEAD", "GET"]},
    },
}  # fmt: skip
ORIGIN = {
    "OriginPath": "",
    "CustomHeaders": {"Quantity": 0},
    "ConnectionAttempts": 3,
    "ConnectionTimeout": 10,
    "OriginShield": {"Enabled": False},
    "OriginAccessControlId": "",
}
DISTRIBUTION: dict[str, Any] = {
    "Aliases": {"Quantity": 0},
    "DefaultRootObject": "",
    "OriginGroups": {"Quantity": 0},
    "CacheBehaviors": {"Quantity": 0},
    "CustomErrorResponses": {"Quantity": 0},
    "Logging": {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""},
    "PriceClass": "PriceClass_All",
    "ViewerCertificate": {
        "CloudFrontDefaultCertificate": True, "SSLSupportMethod": "vip", "MinimumProtocolVersion": "TLSv1",
        "CertificateSource": "cloudfront",
    },
    "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
    "WebACLId": "",
    "HttpVersion": "http2",
    "IsIPV6Enabled": True,
    "Staging": False,
}  # fmt: skip


def error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


def with_defaults(config: dict[str, Any]) -> dict[str, Any]:
    made = {**copy.deepcopy(DISTRIBUTION), **copy.deepcopy(config)}
    made["DefaultCacheBehavior"] = {**copy.deepcopy(BEHAVIOR), **made["DefaultCacheBehavior"]}
    for block, defaults in (("CacheBehaviors", BEHAVIOR), ("Origins", ORIGIN)):
        if made[block]["Quantity"]:
            made[block]["Items"] = [{**copy.deepcopy(defaults), **item} for item in made[block]["Items"]]
    # AWS gives sets back in an order of its own.
    for behavior in [made["DefaultCacheBehavior"], *made["CacheBehaviors"].get("Items", [])]:
        behavior["AllowedMethods"]["Items"].sort(reverse=True)
        behavior["AllowedMethods"].setdefault("CachedMethods", BEHAVIOR["AllowedMethods"]["CachedMethods"])  # type: ignore[index]
    return made


class FakeCloudFront:
    """The calls that the module makes of a distribution. `polls` is how often a change is still InProgress."""

    def __init__(self, polls: int = 2) -> None:
        self.meta = botocore.session.get_session().create_client(
            "cloudfront", "us-east-1", aws_access_key_id="fake", aws_secret_access_key="fake"
        ).meta  # fmt: skip
        self.distributions: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.calls: list[str] = []
        self.polls = polls
        self._numbers = itertools.count(1)

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if call.startswith(WRITES)]

    def list_distributions(self, **_: Any) -> dict[str, Any]:
        self.calls.append("list_distributions")
        rows = [
            {"Id": key, "ARN": self._arn(key), "Comment": row["config"]["Comment"], "Origins": row["config"]["Origins"]}
            for key, row in self.distributions.items()
        ]
        return {"DistributionList": {"Quantity": len(rows), **({"Items": rows} if rows else {})}}

    def get_distribution(self, Id: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.calls.append("get_distribution")
        if Id not in self.distributions:
            raise error("NoSuchDistribution", "GetDistribution")
        row = self.distributions[Id]
        row["busy"] -= 1
        return {
            "ETag": row["etag"],
            "Distribution": {
                "Id": Id,
                "ARN": self._arn(Id),
                "DomainName": f"{Id.lower()}.cloudfront.net",
                "Status": "InProgress" if row["busy"] > 0 else "Deployed",
                "DistributionConfig": copy.deepcopy(row["config"]),
            },
        }

    def create_distribution_with_tags(self, DistributionConfigWithTags: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        self.calls.append("create_distribution_with_tags")
        config = DistributionConfigWithTags["DistributionConfig"]
        key = f"E{next(self._numbers)}"
        self.distributions[key] = {"config": with_defaults(config), "etag": self._etag(), "busy": self.polls}
        self.tags[self._arn(key)] = {tag["Key"]: tag["Value"] for tag in DistributionConfigWithTags["Tags"]["Items"]}
        return {"Distribution": {"Id": key}}

    def update_distribution(self, Id: str, IfMatch: str, DistributionConfig: dict[str, Any], **_: Any) -> None:  # noqa: N803
        self.calls.append("update_distribution")
        row = self.distributions[Id]
        if row["etag"] != IfMatch:
            raise error("PreconditionFailed", "UpdateDistribution")
        if DistributionConfig["CallerReference"] != row["config"]["CallerReference"]:
            raise error("IllegalUpdate", "UpdateDistribution")
        row.update(config=with_defaults(DistributionConfig), etag=self._etag(), busy=self.polls)

    def delete_distribution(self, Id: str, IfMatch: str, **_: Any) -> None:  # noqa: N803
        self.calls.append("delete_distribution")
        row = self.distributions[Id]
        if row["config"]["Enabled"] or row["busy"] > 0:
            raise error("DistributionNotDisabled", "DeleteDistribution")
        if row["etag"] != IfMatch:
            raise error("PreconditionFailed", "DeleteDistribution")
        del self.distributions[Id]

    def list_tags_for_resource(self, Resource: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.calls.append("list_tags_for_resource")
        return {"Tags": {"Items": [{"Key": k, "Value": v} for k, v in self.tags.get(Resource, {}).items()]}}

    def tag_resource(self, Resource: str, Tags: dict[str, Any], **_: Any) -> None:  # noqa: N803
        self.calls.append("tag_resource")
        self.tags[Resource].update({tag["Key"]: tag["Value"] for tag in Tags["Items"]})

    def untag_resource(self, Resource: str, TagKeys: dict[str, Any], **_: Any) -> None:  # noqa: N803
        self.calls.append("untag_resource")
        for key in TagKeys["Items"]:
            self.tags[Resource].pop(key)

    def _arn(self, key: str) -> str:
        return f"arn:aws:cloudfront::{ACCOUNT}:distribution/{key}"

    def _etag(self) -> str:
        return f"etag-{next(self._numbers)}"


class FakeACM:
    def __init__(self) -> None:
        self.certificates: dict[str, dict[str, Any]] = {}

    def describe_certificate(self, CertificateArn: str) -> dict[str, Any]:  # noqa: N803
        if CertificateArn not in self.certificates:
            raise error("ResourceNotFoundException", "DescribeCertificate")
        return {"Certificate": self.certificates[CertificateArn]}
