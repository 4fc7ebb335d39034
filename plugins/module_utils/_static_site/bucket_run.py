"""Bring a bucket to what is wanted, or delete it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import bucket
from .bucket_api import Buckets
from .errors import FaultyWishError, SiteError


@dataclass(frozen=True)
class Runner:
    api: Buckets
    region: str
    check_mode: bool = False

    def present(self, wish: bucket.Wish) -> dict[str, Any]:
        wrong = bucket.faults(wish)
        if wrong:
            raise FaultyWishError(wrong)
        current = self.api.read(wish.name)
        if current and current.region != self.region:
            raise SiteError(
                message=f"Bucket {wish.name} is in {current.region} and shall be in {self.region}; a bucket cannot move."
                " Mend: choose another name, or give the region where it is"
            )
        changes = bucket.plan(current, wish)
        for change in [] if self.check_mode else changes:
            self.api.carry_out(wish.name, change, current, wish)
        return {
            "changed": bool(changes),
            "diff": {
                "before": {change.what: change.before for change in changes if change.before is not None},
                "after": {change.what: change.after for change in changes if change.after is not None},
            },
            "bucket": self._view(wish.name),
        }

    def absent(self, name: str, remove_objects: bool) -> dict[str, Any]:
        current = self.api.read(name)
        if current and not remove_objects and not self.api.is_empty(name):
            raise SiteError(
                message=f"Bucket {name} holds objects or old versions of some."
                " Mend: set remove_objects where they shall all be gone for good"
            )
        if current and not self.check_mode:
            if remove_objects:
                self.api.empty(name)
            self.api.delete(name)
        before = {"bucket": name} if current else {}
        return {"changed": current is not None, "diff": {"before": before, "after": {}}, "bucket": {}}

    def _view(self, name: str) -> dict[str, str]:
        """What is known before the bucket is, too."""
        return {
            "name": name,
            "arn": f"arn:aws:s3:::{name}",
            "domain_name": f"{name}.s3.{self.region}.amazonaws.com",
            "region": self.region,
        }
