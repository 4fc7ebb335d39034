"""What the network, the identity and the hosts of a stage are compared by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MANAGED_BY = "tiketi.platform"

Json = dict[str, Any]


@dataclass(frozen=True)
class Drift:
    """One object that is not as desired."""

    object: str
    current: str
    desired: str

    def as_dict(self) -> dict[str, str]:
        return {"object": self.object, "is": self.current, "want": self.desired}


def tags_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Return the tags of an object of the EC2 or IAM API."""
    return {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}


def shared_tags(project: str, what: str) -> dict[str, str]:
    """Tags of an object that the stages of a project share (the VPC and what is in it)."""
    return {"Project": project, "ManagedBy": MANAGED_BY, "Name": f"{project}-{what}"}


def stage_tags(project: str, stage: str, what: str) -> dict[str, str]:
    """Tags of an object that belongs to one stage."""
    return {"Project": project, "Stage": stage, "ManagedBy": MANAGED_BY, "Name": f"{project}-{stage}-{what}"}


def tag_drift(label: str, item: Mapping[str, Any], wanted: Mapping[str, str]) -> list[Drift]:
    """Compare tags; tags that others added are theirs."""
    found = tags_of(item)
    wrong = {key: value for key, value in wanted.items() if found.get(key) != value}
    if not wrong:
        return []
    return [Drift(label, _tag_text({key: found.get(key, "") for key in wrong}), _tag_text(wrong))]


def missing(label: str, desired: str = "present") -> Drift:
    return Drift(label, "absent", desired)


def named(items: Sequence[Json], name: str) -> Json | None:
    """Return the object that carries the tag Name, if any."""
    return next((item for item in items if tags_of(item).get("Name") == name), None)


def diff_of(drift: Sequence[Drift]) -> dict[str, str]:
    """Render drift the way --diff shows it."""
    return {
        "before": "".join(f"{entry.object}: {entry.current}\n" for entry in drift),
        "after": "".join(f"{entry.object}: {entry.desired}\n" for entry in drift),
    }


def _tag_text(tags: Mapping[str, str]) -> str:
    return "tags " + ", ".join(f"{key}={value or '(none)'}" for key, value in sorted(tags.items()))
