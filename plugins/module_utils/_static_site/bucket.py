"""A private bucket as it is and as it is wanted, without any I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.policy import compare_policies

NAME = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
BLOCK = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
OWNERSHIP = "BucketOwnerEnforced"  # no ACLs
RULE_ID = "tiketi.platform: old versions"
ABORT_DAYS = 7


@dataclass(frozen=True)
class Wish:
    name: str
    kms_key: str = ""
    versioning: bool = True
    old_version_days: int = 30
    policy: dict[str, Any] | None = None  # None leaves it alone
    tags: dict[str, str] | None = None
    purge_tags: bool = False

    @property
    def encryption(self) -> dict[str, Any]:
        if not self.kms_key:
            return {"algorithm": "AES256"}
        return {"algorithm": "aws:kms", "key": self.kms_key, "bucket_key": True}

    @property
    def rule(self) -> dict[str, Any] | None:
        """Old versions, left behind by an upload or a removal, do not stay for ever."""
        if not self.old_version_days:
            return None
        return {
            "ID": RULE_ID,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": self.old_version_days},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORT_DAYS},
        }


@dataclass(frozen=True)
class Bucket:
    region: str = ""
    block: dict[str, bool] = field(default_factory=dict)
    ownership: str = ""
    encryption: dict[str, Any] = field(default_factory=dict)
    versioning: str = ""  # "", Enabled or Suspended
    rules: list[dict[str, Any]] = field(default_factory=list)
    policy: dict[str, Any] | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One call to be made: what of the bucket, how it was, how it shall be."""

    what: str
    before: Any
    after: Any


def faults(wish: Wish) -> list[str]:
    found = []
    if not NAME.fullmatch(wish.name):
        found.append(
            f"bucket name {wish.name!r}: S3 takes 3 to 63 lower-case letters, digits, dots and hyphens,"
            " a letter or digit at both ends. Mend: change the name"
        )
    if "." in wish.name:
        found.append(
            f"bucket name {wish.name!r} has a dot, and S3's certificate does not cover it. Mend: use hyphens instead"
        )
    return found


def plan(current: Bucket | None, wish: Wish) -> list[Change]:
    """Public access is closed before anything else is done to the bucket."""
    have = current or Bucket()
    changes = [] if current else [Change("bucket", None, wish.name)]
    if have.block != BLOCK:
        changes.append(Change("public_access_block", have.block or None, BLOCK))
    if have.ownership != OWNERSHIP:
        changes.append(Change("ownership", have.ownership or None, OWNERSHIP))
    if any(have.encryption.get(key) != value for key, value in wish.encryption.items()):
        changes.append(Change("encryption", have.encryption or None, wish.encryption))
    changes += _versioning(have, wish) + _rules(have, wish)
    if wish.policy is not None and (have.policy is None or compare_policies(have.policy, wish.policy)):
        changes.append(Change("policy", have.policy, wish.policy))
    return changes + _tags(have, wish)


def rules_with(current: list[dict[str, Any]], rule: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The rules of others stay."""
    others = [row for row in current if row.get("ID") != RULE_ID]
    return others + ([rule] if rule else [])


def _versioning(have: Bucket, wish: Wish) -> list[Change]:
    # A bucket that never had versions has no status, which is as good as Suspended.
    wanted = "Enabled" if wish.versioning else ("Suspended" if have.versioning == "Enabled" else have.versioning)
    return [Change("versioning", have.versioning or None, wanted)] if have.versioning != wanted else []


def _rules(have: Bucket, wish: Wish) -> list[Change]:
    own = next((row for row in have.rules if row.get("ID") == RULE_ID), None)
    rule = wish.rule
    if rule is None:
        return [Change("lifecycle", own, None)] if own else []
    same = own is not None and all(own.get(key) == value for key, value in rule.items() if key != "Filter")
    return [] if same else [Change("lifecycle", own, rule)]


def _tags(have: Bucket, wish: Wish) -> list[Change]:
    if wish.tags is None:
        return []
    system = {key: value for key, value in have.tags.items() if key.startswith("aws:")}
    wanted = {**system, **wish.tags} if wish.purge_tags else {**have.tags, **wish.tags}
    return [Change("tags", have.tags or None, wanted)] if wanted != have.tags else []
