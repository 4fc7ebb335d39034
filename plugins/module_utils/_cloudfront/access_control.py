"""An origin access control: what an origin is signed with. Decisions, and the run that carries them out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .api import CloudFront
from .errors import CloudFrontError, FaultyWishError

LONGEST_NAME, LONGEST_DESCRIPTION = 64, 256
API_NAMES = {
    "name": "Name",
    "description": "Description",
    "origin_type": "OriginAccessControlOriginType",
    "signing_behavior": "SigningBehavior",
    "signing_protocol": "SigningProtocol",
}


@dataclass(frozen=True)
class AccessControl:
    """As wanted or as found. A wanted description of None leaves it alone."""

    name: str
    origin_type: str = "s3"
    signing_behavior: str = "always"
    signing_protocol: str = "sigv4"
    description: str | None = None


@dataclass(frozen=True)
class Existing:
    control_id: str
    etag: str
    control: AccessControl


def faults(wish: AccessControl) -> list[str]:
    found = []
    if not 1 <= len(wish.name) <= LONGEST_NAME:
        found.append(
            f"name {wish.name!r} has {len(wish.name)} characters, CloudFront takes 1 to {LONGEST_NAME}. Mend: shorten it"
        )
    if len(wish.description or "") > LONGEST_DESCRIPTION:
        found.append(
            f"the description of {wish.name} is longer than {LONGEST_DESCRIPTION} characters. Mend: shorten it"
        )
    return found


def plan(current: AccessControl | None, wish: AccessControl) -> dict[str, tuple[Any, Any]]:
    """Field -> (before, after) of all that differs; empty when nothing does."""
    have = asdict(current) if current else dict.fromkeys(API_NAMES)
    want = {key: value for key, value in asdict(wish).items() if value is not None}
    return {key: (have[key], value) for key, value in want.items() if have[key] != value}


def request(wish: AccessControl, current: AccessControl | None) -> dict[str, str]:
    """The whole configuration: an update replaces all of it."""
    description = wish.description if wish.description is not None else (current.description if current else "")
    values = {**asdict(wish), "description": description or ""}
    return {api_name: values[name] for name, api_name in API_NAMES.items()}


def read(api: CloudFront, name: str) -> Existing | None:
    """Names are unique in an account, so a name finds one or none."""
    listed = next((row for row in api.access_controls() if row["Name"] == name), None)
    found = api.access_control(listed["Id"]) if listed else None
    if found is None:
        return None
    raw, etag = found
    config = raw["OriginAccessControlConfig"]
    values = {key: config.get(api_name, "") for key, api_name in API_NAMES.items()}
    return Existing(raw["Id"], etag, AccessControl(**values))


def present(api: CloudFront, wish: AccessControl, check_mode: bool) -> dict[str, Any]:
    wrong = faults(wish)
    if wrong:
        raise FaultyWishError(wrong)
    existing = read(api, wish.name)
    current = existing.control if existing else None
    steps = plan(current, wish)
    control_id = existing.control_id if existing else ""
    if steps and not check_mode:
        if existing:
            api.update_access_control(existing.control_id, existing.etag, request(wish, current))
        else:
            control_id = api.create_access_control(request(wish, None))
    shown = {"id": control_id, **asdict(wish), "description": request(wish, current)["Description"]}
    return {"changed": bool(steps), "diff": _diff(steps), "origin_access_control": shown}


def absent(api: CloudFront, name: str, check_mode: bool) -> dict[str, Any]:
    existing = read(api, name)
    if existing and not check_mode:
        users = users_of(existing.control_id, api.distributions())
        if users:
            raise CloudFrontError(
                message=f"Origin access control {name} is used by distribution {', '.join(users)}."
                " Mend: give their origins another one, or delete them first"
            )
        api.delete_access_control(existing.control_id, existing.etag)
    before = {"name": name} if existing else {}
    return {"changed": existing is not None, "diff": {"before": before, "after": {}}, "origin_access_control": {}}


def users_of(control_id: str, distributions: list[dict[str, Any]]) -> list[str]:
    return [
        str(row["Id"])
        for row in distributions
        if any(
            origin.get("OriginAccessControlId") == control_id for origin in row.get("Origins", {}).get("Items") or []
        )
    ]


def _diff(steps: dict[str, tuple[Any, Any]]) -> dict[str, dict[str, Any]]:
    return {
        "before": {key: before for key, (before, _) in steps.items() if before is not None},
        "after": {key: after for key, (_, after) in steps.items()},
    }
