"""The calls to S3 about a bucket: read it as a whole, and carry out one change at a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.botocore import is_boto3_error_code
from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)

from . import bucket
from .bucket import Bucket, Change, Wish
from .errors import SiteError
from .errors import SiteErrorHandler as Handler

THREADS = 7
CLASSIC_REGION = "us-east-1"  # the one region that is named by leaving it out


class Buckets:
    def __init__(self, client: Any, region: str) -> None:
        self._client = client
        self._region = region

    def read(self, name: str) -> Bucket | None:
        if not self._exists(name):
            return None
        parts: dict[str, Callable[[str], Any]] = {
            "region": self._location,
            "block": self._block,
            "ownership": self._ownership,
            "encryption": self._encryption,
            "versioning": self._versioning,
            "rules": self._rules,
            "policy": self._policy,
            "tags": self._tags,
        }
        with ThreadPoolExecutor(THREADS) as pool:
            found = dict(zip(parts, pool.map(lambda read: read(name), parts.values()), strict=True))
        return Bucket(**found)

    @Handler.common_error_handler("change bucket")  # type: ignore[untyped-decorator]
    def carry_out(self, name: str, change: Change, current: Bucket | None, wish: Wish) -> None:
        s3, after = self._client, change.after
        if change.what == "bucket":
            place = {} if self._region == CLASSIC_REGION else {"LocationConstraint": self._region}
            s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
            s3.get_waiter("bucket_exists").wait(Bucket=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
        elif change.what == "public_access_block":
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=after)
        elif change.what == "ownership":
            s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": after}]})
        elif change.what == "encryption":
            default = {"SSEAlgorithm": after["algorithm"]}
            rule: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": default}
            if "key" in after:
                default["KMSMasterKeyID"] = after["key"]
                rule["BucketKeyEnabled"] = True
            s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
        elif change.what == "versioning":
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": after})
        elif change.what == "lifecycle":
            self._put_rules(name, bucket.rules_with(current.rules if current else [], wish.rule))
        elif change.what == "policy":
            s3.put_bucket_policy(Bucket=name, Policy=json.dumps(after))
        elif change.what == "tags":
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": ansible_dict_to_boto3_tag_list(after)})

    @Handler.common_error_handler("delete bucket")  # type: ignore[untyped-decorator]
    def delete(self, name: str) -> None:
        self._client.delete_bucket(Bucket=name)

    @Handler.common_error_handler("empty bucket")  # type: ignore[untyped-decorator]
    def empty(self, name: str) -> None:
        """Every version of every object."""
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=name):
            rows = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            objects = [{"Key": row["Key"], "VersionId": row["VersionId"]} for row in rows]
            if objects:
                self._client.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})

    @Handler.common_error_handler("list versions")  # type: ignore[untyped-decorator]
    def is_empty(self, name: str) -> bool:
        page = self._client.list_object_versions(Bucket=name, MaxKeys=1)
        return not (page.get("Versions") or page.get("DeleteMarkers"))

    @Handler.common_error_handler("look for bucket")  # type: ignore[untyped-decorator]
    def _exists(self, name: str) -> bool:
        try:
            self._client.head_bucket(Bucket=name)
        except is_boto3_error_code(["404", "NoSuchBucket"]):
            return False
        except is_boto3_error_code(["403", "AccessDenied", "Forbidden"]) as e:
            raise SiteError(
                message=f"Bucket {name} exists and this account may not read it; names of buckets are shared by all of AWS."
                " Mend: choose another name, or let this identity read the bucket if it is yours",
                exception=e,
            ) from e
        return True

    @Handler.common_error_handler("read region of bucket")  # type: ignore[untyped-decorator]
    def _location(self, name: str) -> str:
        return str(self._client.get_bucket_location(Bucket=name).get("LocationConstraint") or CLASSIC_REGION)

    @Handler.list_error_handler("read public access block", {})  # type: ignore[untyped-decorator]
    def _block(self, name: str) -> dict[str, bool]:
        return dict(self._client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"])

    @Handler.list_error_handler("read ownership of bucket", "")  # type: ignore[untyped-decorator]
    def _ownership(self, name: str) -> str:
        rules = self._client.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
        return str(rules[0]["ObjectOwnership"]) if rules else ""

    @Handler.list_error_handler("read encryption of bucket", {})  # type: ignore[untyped-decorator]
    def _encryption(self, name: str) -> dict[str, Any]:
        rules = self._client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        if not rules:
            return {}
        default = rules[0].get("ApplyServerSideEncryptionByDefault", {})
        found = {"algorithm": default.get("SSEAlgorithm"), "key": default.get("KMSMasterKeyID")}
        found["bucket_key"] = rules[0].get("BucketKeyEnabled", False)
        return found

    @Handler.common_error_handler("read versioning of bucket")  # type: ignore[untyped-decorator]
    def _versioning(self, name: str) -> str:
        return str(self._client.get_bucket_versioning(Bucket=name).get("Status") or "")

    @Handler.list_error_handler("read lifecycle of bucket", [])  # type: ignore[untyped-decorator]
    def _rules(self, name: str) -> list[dict[str, Any]]:
        return list(self._client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"])

    @Handler.list_error_handler("read policy of bucket", None)  # type: ignore[untyped-decorator]
    def _policy(self, name: str) -> dict[str, Any] | None:
        return dict(json.loads(self._client.get_bucket_policy(Bucket=name)["Policy"]))

    @Handler.list_error_handler("read tags of bucket", {})  # type: ignore[untyped-decorator]
    def _tags(self, name: str) -> dict[str, str]:
        return dict(boto3_tag_list_to_ansible_dict(self._client.get_bucket_tagging(Bucket=name)["TagSet"]))

    def _put_rules(self, name: str, rules: list[dict[str, Any]]) -> None:
        if rules:
            self._client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
        else:
            self._client.delete_bucket_lifecycle(Bucket=name)
