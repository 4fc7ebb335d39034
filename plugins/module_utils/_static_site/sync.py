"""Bring a bucket to the files of a folder, and the caches in front of it to the bucket."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.api import CloudFront
from ansible_collections.tiketi.platform.plugins.module_utils._cloudfront.wait import Waiter

from .errors import SiteError
from .files import LocalFile
from .plan import Keeping, Plan, paths, plan
from .site_api import Objects


@dataclass(frozen=True)
class Edge:
    """The caches: invalidation of what has changed. Without a distribution there are none."""

    api: CloudFront
    distribution_id: str
    waiter: Waiter | None
    most_paths: int
    clock: Callable[[], float] = time.time

    def invalidate(self, keys: Sequence[str]) -> list[str]:
        wanted = paths(keys, self.most_paths)
        if wanted:
            made = self.api.create_invalidation(self.distribution_id, wanted, f"sync-{self.clock():.6f}")
            if self.waiter:
                self.waiter.until_invalidated(self.distribution_id, made)
        return wanted


@dataclass(frozen=True)
class Runner:
    objects: Objects
    bucket: str
    edge: Edge | None = None
    delete: bool = True
    check_mode: bool = False
    keep_old_days: int = 0

    def run(self, local: list[LocalFile]) -> dict[str, Any]:
        found = self.objects.read()
        if found is None and not self.check_mode:
            raise SiteError(message=f"Bucket {self.bucket} does not exist. Mend: make it first (role static_site)")
        remote, pending = found if found else ({}, False)
        known = self.objects.retired() if found and self.delete else {}
        steps = plan(local, remote, self.delete, Keeping(self.keep_old_days, time.time(), known))
        late = self.objects.pending() if pending and self.edge else []
        changed = bool(steps or late)
        stale = [*late, *steps.overwritten]
        if changed and not self.check_mode:
            invalidated = self._carry_out(steps, stale)
        else:
            invalidated = [path for keys in (stale, steps.stale) for path in self._paths(keys)]
        return {
            "changed": changed,
            "diff": _diff(steps),
            "invalidated": sorted(set(invalidated)),
            **_report(steps, local),
        }

    def _paths(self, keys: Sequence[str]) -> list[str]:
        return paths(keys, self.edge.most_paths) if self.edge else []

    def _carry_out(self, steps: Plan, stale: list[str]) -> list[str]:
        """What must be invalidated is written down first: a run that is killed in between is made good by the next one."""
        if self.edge and (stale or steps.stale):
            self.objects.remember(list(dict.fromkeys([*stale, *steps.stale])))
        for wave in steps.waves:
            self.objects.upload(wave)
        invalidated = self.edge.invalidate(stale) if self.edge else []
        if steps.retires:
            self.objects.retire(steps.retired.held)
        # A page that is open somewhere may still ask for an asset of before; it finds it until the new pages are out.
        self.objects.remove(steps.removals)
        if self.edge:
            invalidated = [*invalidated, *self.edge.invalidate(steps.stale)]
            if stale or steps.stale:
                self.objects.forget()
        return invalidated


def _report(steps: Plan, local: list[LocalFile]) -> dict[str, Any]:
    return {
        "uploaded": [
            {"key": file.key, "reason": steps.reasons[file.key], "cache_control": file.cache_control}
            for file in steps.uploads
        ],
        "removed": list(steps.removals),
        "kept": sorted(steps.retired.held),
        "unchanged": len(local) - len(steps.uploads),
        "bytes": sum(file.size for file in steps.uploads),
    }


def _diff(steps: Plan) -> dict[str, list[str]]:
    return {
        "before": [*steps.overwritten, *steps.removals],
        "after": [f"{file.key} ({steps.reasons[file.key]})" for file in steps.uploads],
    }
