"""What a repository shall be, and what has to be done to one that is there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._container_image.errors import ImageError
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.model import TAG_PREFIX

NAME = re.compile(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")


@dataclass(frozen=True)
class Wanted:
    """The same for all repositories of a call."""

    scan_on_push: bool
    keep_images: int
    untagged_days: int
    kms_key: str
    tags: Mapping[str, str]
    mutability: str = "IMMUTABLE"

    @property
    def encryption(self) -> dict[str, str]:
        return {"encryptionType": "KMS", "kmsKey": self.kms_key} if self.kms_key else {"encryptionType": "AES256"}

    @property
    def lifecycle(self) -> dict[str, Any]:
        expire = {"type": "expire"}
        untagged = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days"}
        content = {"tagStatus": "tagged", "tagPrefixList": [TAG_PREFIX], "countType": "imageCountMoreThan"}
        return {
            "rules": [
                _rule(1, "Untagged images go", {**untagged, "countNumber": self.untagged_days}, expire),
                _rule(2, "The newest builds stay", {**content, "countNumber": self.keep_images}, expire),
            ]
        }


def _rule(priority: int, description: str, selection: dict[str, Any], action: dict[str, str]) -> dict[str, Any]:
    return {"rulePriority": priority, "description": description, "selection": selection, "action": action}


@dataclass(frozen=True)
class Current:
    """One repository that is there."""

    address: str
    arn: str
    mutability: str
    scan_on_push: bool
    encryption: Mapping[str, Any] = field(default_factory=dict)
    lifecycle: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Action:
    """Create a repository, or change what is named."""

    name: str
    create: bool
    changes: Mapping[str, Any]


def check(names: Sequence[str], wanted: Wanted) -> None:
    """Name every fault at once."""
    faults = [f"{name!r} is declared twice" for name in sorted({name for name in names if names.count(name) > 1})]
    faults += [
        f"{name!r} is not a name of a repository (lower case, 2 to 256 signs)" for name in names if not _fits(name)
    ]
    faults += [f"{key} is {value}, at least 1 is needed" for key, value in _counts(wanted).items() if value < 1]
    if faults:
        raise ImageError("Repositories are declared wrongly: " + "; ".join(faults) + ".")


def _fits(name: str) -> bool:
    return 2 <= len(name) <= 256 and NAME.fullmatch(name) is not None


def _counts(wanted: Wanted) -> dict[str, int]:
    return {"keep_images": wanted.keep_images, "untagged_days": wanted.untagged_days}


def plan(current: Mapping[str, Current], names: Sequence[str], wanted: Wanted) -> list[Action]:
    """Compare; tags that nobody declared belong to others and stay."""
    faults: list[str] = []
    actions: list[Action] = []
    for name in names:
        tags = {**wanted.tags, "Name": name}
        desired = {"mutability": wanted.mutability, "scan_on_push": wanted.scan_on_push, "lifecycle": wanted.lifecycle}
        found = current.get(name)
        if found is None:
            actions.append(Action(name, create=True, changes={**desired, "tags": tags}))
            continue
        if wanted.kms_key and found.encryption.get("kmsKey") != wanted.kms_key:
            faults.append(f"{name} is not encrypted with {wanted.kms_key}, and ECR cannot change that")
        changes = {key: value for key, value in desired.items() if getattr(found, key) != value}
        lacking = {key: value for key, value in tags.items() if found.tags.get(key) != value}
        if lacking:
            changes["tags"] = lacking
        if changes:
            actions.append(Action(name, create=False, changes=changes))
    if faults:
        raise ImageError(
            "; ".join(faults) + ". Nothing was changed. Mend: take another name, or make the repository anew."
        )
    return actions


def diff(current: Mapping[str, Current], actions: Sequence[Action]) -> dict[str, dict[str, Any]]:
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for action in actions:
        found = current.get(action.name)
        after[action.name] = dict(action.changes)
        if found is not None:
            before[action.name] = {key: getattr(found, key) for key in action.changes}
            if "tags" in action.changes:
                before[action.name]["tags"] = {key: found.tags.get(key) for key in action.changes["tags"]}
    return {"before": before, "after": after}
