"""A distribution: decisions about it, and the run that carries them out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import certificate, config
from .api import CloudFront, Raw
from .errors import CloudFrontError, FaultyWishError
from .wait import DEPLOYED, Waiter

NAME_TAG = "Name"
OWN_MEMBERS = ("CallerReference", "Comment")  # made from the name


@dataclass(frozen=True)
class Wish:
    name: str
    config: Raw  # from config.listed()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def all_tags(self) -> dict[str, str]:
        return {NAME_TAG: self.name, **self.tags}

    @property
    def certificate(self) -> str:
        return str((self.config.get("ViewerCertificate") or {}).get("ACMCertificateArn") or "")

    @property
    def aliases(self) -> list[str]:
        return list((self.config.get("Aliases") or {}).get("Items") or [])


@dataclass(frozen=True)
class Existing:
    distribution_id: str
    arn: str
    domain: str
    status: str
    etag: str
    config: Raw  # from config.listed()
    tags: dict[str, str]


@dataclass(frozen=True)
class Plan:
    create: bool
    config: Raw  # the whole configuration to be sent
    differences: dict[str, tuple[Any, Any]]
    tags: dict[str, str]
    untag: list[str]

    def __bool__(self) -> bool:
        return bool(self.create or self.differences or self.tags or self.untag)


def faults(wish: Wish) -> list[str]:
    """What can be seen without asking AWS."""
    found = [
        f"config.{member} is made from the name. Mend: leave it out" for member in OWN_MEMBERS if member in wish.config
    ]
    origins = {origin.get("Id"): origin for origin in (wish.config.get("Origins") or {}).get("Items") or []}
    default = wish.config.get("DefaultCacheBehavior")
    behaviors = list((wish.config.get("CacheBehaviors") or {}).get("Items") or []) + ([default] if default else [])
    for behavior in behaviors if origins else []:
        if behavior.get("TargetOriginId") not in origins:
            found.append(
                f"the behavior for {behavior.get('PathPattern', 'all other paths')} names origin"
                f" {behavior.get('TargetOriginId')}, and there are {', '.join(map(str, origins))}. Mend: correct TargetOriginId"
            )
    if wish.certificate:
        found += certificate.region_faults(wish.certificate)
    elif wish.aliases and "ViewerCertificate" in wish.config:
        found.append(
            f"aliases {', '.join(wish.aliases)} need a certificate of their own."
            f" Mend: give the ARN of one of ACM in {certificate.REGION}, or leave the aliases out"
        )
    return found


def plan(current: Existing | None, wish: Wish, purge_tags: bool) -> Plan:
    if current is None:
        made = config.merge({}, {**wish.config, "Comment": wish.name})
        return Plan(True, made, config.differences({}, made), wish.all_tags, [])
    merged = config.merge(current.config, {**wish.config, "Comment": wish.name})
    have = {key: value for key, value in current.tags.items() if not key.startswith("aws:")}
    tags = {key: value for key, value in wish.all_tags.items() if have.get(key) != value}
    untag = sorted(set(have) - set(wish.all_tags)) if purge_tags else []
    return Plan(False, merged, config.differences(current.config, merged), tags, untag)


def find(api: CloudFront, name: str) -> str:
    """The id of the distribution of that name, by comment, else by tag (someone may have changed the comment); "" for none."""
    rows = api.distributions()
    found = [row["Id"] for row in rows if row.get("Comment") == name]
    if not found:
        found = [row["Id"] for row in rows if api.tags(row["ARN"]).get(NAME_TAG) == name]
    if len(found) > 1:
        raise CloudFrontError(
            message=f"Distributions {', '.join(found)} are all called {name}, so none of them is touched."
            " Mend: change the comment and the tag Name of the ones that are not meant"
        )
    return str(found[0]) if found else ""


def read(api: CloudFront, name: str) -> Existing | None:
    distribution_id = find(api, name)
    found = api.distribution(distribution_id) if distribution_id else None
    if found is None:
        return None
    raw, etag = found
    return Existing(
        distribution_id=raw["Id"],
        arn=raw["ARN"],
        domain=raw["DomainName"],
        status=raw["Status"],
        etag=etag,
        config=config.listed(raw["DistributionConfig"]),
        tags=api.tags(raw["ARN"]),
    )


@dataclass(frozen=True)
class Runner:
    api: CloudFront
    waiter: Waiter
    check_mode: bool = False
    wait: bool = True
    certificates: Callable[[], certificate.Certificates] | None = None
    clock: Callable[[], float] = time.time

    def present(self, wish: Wish, purge_tags: bool) -> dict[str, Any]:
        self._refuse(faults(wish))
        current = read(self.api, wish.name)
        steps = plan(current, wish, purge_tags)
        if steps.differences:
            self._refuse(self._request_faults(wish, steps))
        if steps and not self.check_mode:
            self._carry_out(wish, current, steps)
        shown = current if self.check_mode else read(self.api, wish.name)
        if shown and self.wait and not self.check_mode and shown.status != DEPLOYED:
            self.waiter.until_deployed(shown.distribution_id)
            shown = read(self.api, wish.name)
        return {"changed": bool(steps), "diff": _diff(current, steps), "distribution": view(shown)}

    def absent(self, name: str) -> dict[str, Any]:
        current = read(self.api, name)
        if current and not self.check_mode:
            if current.config.get("Enabled"):
                self.api.update_distribution(
                    current.distribution_id, current.etag, {**current.config, "Enabled": False}
                )
            # Only a disabled distribution that every edge has taken can be deleted.
            self.waiter.until_deployed(current.distribution_id)
            found = self.api.distribution(current.distribution_id)
            if found:
                self.api.delete_distribution(current.distribution_id, found[1])
        before = {"name": name, "id": current.distribution_id} if current else {}
        return {"changed": current is not None, "diff": {"before": before, "after": {}}, "distribution": {}}

    def _carry_out(self, wish: Wish, current: Existing | None, steps: Plan) -> None:
        if current is None:
            # The reference is new each time: that of a deleted distribution cannot be used again.
            made = {"CallerReference": f"{wish.name}-{self.clock():.0f}", **steps.config}
            self.api.create_distribution(made, steps.tags)
            return
        if steps.differences:
            self.api.update_distribution(current.distribution_id, current.etag, steps.config)
        if steps.untag:
            self.api.untag(current.arn, steps.untag)
        if steps.tags:
            self.api.tag(current.arn, steps.tags)

    def _request_faults(self, wish: Wish, steps: Plan) -> list[str]:
        """What would be sent, against the API's model and against ACM: the same faults in check mode as in earnest."""
        found = self.api.shape_faults({"CallerReference": "-", **steps.config})
        if wish.certificate and self.certificates is not None:
            raw = self.certificates().describe(wish.certificate)
            found += certificate.faults(wish.certificate, raw, wish.aliases)
        return found

    @staticmethod
    def _refuse(found: list[str]) -> None:
        if found:
            raise FaultyWishError(found)


def view(existing: Existing | None) -> dict[str, Any]:
    if existing is None:
        return {}
    return {
        "id": existing.distribution_id,
        "arn": existing.arn,
        "domain_name": existing.domain,
        "status": existing.status,
        "aliases": list((existing.config.get("Aliases") or {}).get("Items") or []),
        "tags": existing.tags,
    }


def _diff(current: Existing | None, steps: Plan) -> dict[str, dict[str, Any]]:
    before = {path: old for path, (old, _) in steps.differences.items() if old is not None}
    after = {path: new for path, (_, new) in steps.differences.items() if new is not None}
    have = current.tags if current else {}
    before |= {f"tags.{key}": have[key] for key in [*steps.tags, *steps.untag] if key in have}
    after |= {f"tags.{key}": value for key, value in steps.tags.items()}
    return {"before": before, "after": after}
