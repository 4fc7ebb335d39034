"""static_site_bucket against moto."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._static_site import bucket

from .conftest import Run, client

NAME = "shop-site"
POLICY: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "ReadByDistribution",
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{NAME}/*",
            "Condition": {"StringEquals": {"AWS:SourceArn": "arn:aws:cloudfront::1:distribution/E1"}},
        }
    ],
}
WISH: dict[str, Any] = {"name": NAME, "policy": POLICY, "tags": {"Project": "shop"}}


def test_a_bucket_is_made_private_and_a_second_run_changes_nothing(run: Run) -> None:
    assert run("static_site_bucket", check=True, **WISH)["changed"]
    assert client().list_buckets()["Buckets"] == []
    made = run("static_site_bucket", **WISH)
    assert made["changed"], made
    assert made["bucket"]["domain_name"] == f"{NAME}.s3.ap-northeast-2.amazonaws.com"
    s3 = client()
    assert all(s3.get_public_access_block(Bucket=NAME)["PublicAccessBlockConfiguration"].values())
    rules = s3.get_bucket_encryption(Bucket=NAME)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert s3.get_bucket_versioning(Bucket=NAME)["Status"] == "Enabled"
    for check in (True, False):
        again = run("static_site_bucket", check=check, **WISH)
        assert again["changed"] is False, again["diff"]


def test_what_was_opened_by_hand_is_closed_and_the_rules_of_others_stay(run: Run) -> None:
    run("static_site_bucket", **WISH)
    s3 = client()
    s3.delete_public_access_block(Bucket=NAME)
    other = {"ID": "mine", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket=NAME, LifecycleConfiguration={"Rules": [other]})
    seen = run("static_site_bucket", check=True, **WISH)
    assert set(seen["diff"]["after"]) == {"public_access_block", "lifecycle"}
    assert run("static_site_bucket", **WISH)["changed"]
    ids = {rule["ID"] for rule in s3.get_bucket_lifecycle_configuration(Bucket=NAME)["Rules"]}
    assert ids == {"mine", bucket.RULE_ID}
    assert run("static_site_bucket", **WISH)["changed"] is False


def test_no_policy_leaves_the_one_that_is_there(run: Run) -> None:
    run("static_site_bucket", **WISH)
    assert run("static_site_bucket", name=NAME)["changed"] is False
    assert run("static_site_bucket", **{**WISH, "policy": {**POLICY, "Statement": []}}, check=True)["changed"]


def test_a_bucket_with_objects_is_deleted_only_when_told(run: Run) -> None:
    run("static_site_bucket", **WISH)
    client().put_object(Bucket=NAME, Key="index.html", Body=b"1")
    client().put_object(Bucket=NAME, Key="index.html", Body=b"2")
    refused = run("static_site_bucket", name=NAME, state="absent")
    assert "Mend: set remove_objects" in refused["msg"]
    assert run("static_site_bucket", name=NAME, state="absent", remove_objects=True, check=True)["changed"]
    assert run("static_site_bucket", name=NAME, state="absent", remove_objects=True)["changed"]
    assert client().list_buckets()["Buckets"] == []
    assert run("static_site_bucket", name=NAME, state="absent")["changed"] is False


def test_a_bucket_of_another_region_is_refused(run: Run) -> None:
    place = {"LocationConstraint": "eu-west-1"}
    client("eu-west-1").create_bucket(Bucket=NAME, CreateBucketConfiguration=place)
    assert "is in eu-west-1 and shall be in ap-northeast-2" in run("static_site_bucket", **WISH)["msg"]


def test_public_access_is_closed_before_anything_else() -> None:
    changes = bucket.plan(None, bucket.Wish(NAME, policy=POLICY, tags={}))
    assert [change.what for change in changes[:2]] == ["bucket", "public_access_block"]
    assert bucket.faults(bucket.Wish("Shop.Site"))


def test_versions_and_encryption_follow_the_wish() -> None:
    wish = bucket.Wish(NAME)
    have = bucket.Bucket(
        block=bucket.BLOCK, ownership=bucket.OWNERSHIP, encryption=wish.encryption, versioning="Enabled",
        rules=[wish.rule or {}],
    )  # fmt: skip
    assert bucket.plan(have, wish) == []
    off = replace(wish, versioning=False, old_version_days=0, kms_key="alias/site")
    assert {change.what: change.after for change in bucket.plan(have, off)} == {
        "encryption": {"algorithm": "aws:kms", "key": "alias/site", "bucket_key": True},
        "versioning": "Suspended",
        "lifecycle": None,
    }
    assert bucket.plan(replace(have, versioning=""), replace(wish, versioning=False)) == []
