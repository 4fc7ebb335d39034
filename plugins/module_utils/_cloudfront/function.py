"""A CloudFront Function: code that the edge runs on each request. Decisions, and the run that carries them out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .api import CloudFront
from .errors import FaultyWishError

DEVELOPMENT, LIVE = "DEVELOPMENT", "LIVE"
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOST_BYTES = 10 * 1024


class Step(Enum):
    CREATE = "create"
    UPDATE = "update"
    PUBLISH = "publish"


@dataclass(frozen=True)
class Function:
    """Code and configuration of one stage, as wanted or as found."""

    comment: str
    runtime: str
    code: str


@dataclass(frozen=True)
class Existing:
    """DEVELOPMENT is there once a function is; LIVE once it has been published."""

    etag: str
    arn: str
    development: Function
    live: Function | None


def faults(name: str, wish: Function) -> list[str]:
    found = []
    if not NAME.fullmatch(name):
        found.append(
            f"function name {name!r}: CloudFront takes 1 to 64 letters, digits, - and _. Mend: change the name"
        )
    size = len(wish.code.encode())
    if not 0 < size <= MOST_BYTES:
        found.append(
            f"the code of function {name} has {size} bytes, CloudFront takes 1 to {MOST_BYTES}. Mend: shorten it"
        )
    return found


def plan(current: Existing | None, wish: Function) -> list[Step]:
    if current is None:
        return [Step.CREATE, Step.PUBLISH]
    if current.development != wish:
        return [Step.UPDATE, Step.PUBLISH]
    return [] if current.live == wish else [Step.PUBLISH]


def read(api: CloudFront, name: str) -> Existing | None:
    found = api.function(name, DEVELOPMENT)
    if found is None:
        return None
    raw, etag = found
    live = api.function(name, LIVE)
    return Existing(
        etag=etag,
        arn=raw["FunctionMetadata"]["FunctionARN"],
        development=_function(raw, api.function_code(name, DEVELOPMENT)),
        live=_function(live[0], api.function_code(name, LIVE)) if live else None,
    )


def present(api: CloudFront, name: str, wish: Function, check_mode: bool) -> dict[str, Any]:
    wrong = faults(name, wish)
    if wrong:
        raise FaultyWishError(wrong)
    current = read(api, name)
    steps = plan(current, wish)
    before = current.live.code if current and current.live else ""
    if steps and not check_mode:
        _carry_out(api, name, wish, steps, current.etag if current else "")
        current = read(api, name)
    return {
        "changed": bool(steps),
        "actions": [step.value for step in steps],
        "diff": {"before": before, "after": wish.code} if steps else {},
        "function": {"name": name, "arn": current.arn if current else ""},
    }


def absent(api: CloudFront, name: str, check_mode: bool) -> dict[str, Any]:
    current = read(api, name)
    if current and not check_mode:
        api.delete_function(name, current.etag)
    return {"changed": current is not None, "actions": ["delete"] if current else [], "diff": {}, "function": {}}


def _carry_out(api: CloudFront, name: str, wish: Function, steps: list[Step], etag: str) -> None:
    config = {"Comment": wish.comment, "Runtime": wish.runtime}
    if Step.CREATE in steps:
        etag = api.create_function(name, config, wish.code)
    if Step.UPDATE in steps:
        etag = api.update_function(name, etag, config, wish.code)
    if Step.PUBLISH in steps:
        api.publish_function(name, etag)


def _function(raw: dict[str, Any], code: str) -> Function:
    config = raw["FunctionConfig"]
    return Function(config.get("Comment", ""), config["Runtime"], code)
