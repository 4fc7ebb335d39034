"""How large a number may be and how a text must look, which argument specifications cannot say.

Options are found by the type and nesting of their specification. The first rule that fits the name holds: a whole name stands
before an ending, so that a new option of a usual name is bounded without a line here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import limits as postgres
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import limits as redis

_DAY = 86400
T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    low: float
    high: float | None = None

    def __str__(self) -> str:
        low, high = (f"{bound:.15g}" for bound in (self.low, self.high or 0))
        return f"a number from {low} to {high}" if self.high is not None else f"{low} or more"

    def holds(self, value: float) -> bool:
        """Every comparison with nan is false, and infinity is the end of nothing."""
        return value >= self.low and (value <= self.high if self.high is not None else value < math.inf)


@dataclass(frozen=True)
class Form:
    pattern: str
    says: str


RANGES: Mapping[str, Range] = {
    **{f"postgres_migration_{name}": Range(low, postgres.MOST.get(name)) for name, low in postgres.LEAST.items()},
    **{f"postgres_migration_pooler.{name}": Range(low) for name, low in postgres.POOLER.items()},
    **{f"redis_migration_{name}": Range(low) for name, low in redis.LEAST.items()},
    "postgres_migration_publisher.port": Range(1, 65535),
    "postgres_migration_returner.port": Range(1, 65535),
    "aurora_postgres_backup_retention_days": Range(1, 35),
    "aurora_postgres_instance_count": Range(1, 16),
    "ec2_host_root_gib": Range(8, 16384),
    "elasticache_redis_replica_count": Range(0, 5),
    "elasticache_redis_snapshot_retention_days": Range(0, 35),
    "endpoint_check_endpoints.status": Range(100, 599),
    "compose_stores_dragonfly_threads": Range(1, 64),
    "network_edge_port": Range(0, 65535),  # 0: nowhere
    "static_site_keep_old_days": Range(0, 3650),
    "k3s_common_max_clock_skew": Range(1, 300),
    "_port": Range(1, 65535),
    "_percent": Range(0, 100),
    "_timeout": Range(1, _DAY),
    "_wait": Range(1, _DAY),
    "_days": Range(1, 3650),
    "_major": Range(10, 99),
    "_bytes": Range(1),
    "_count": Range(1),
    "_gib": Range(1),
    "_images": Range(1),
    "_jobs": Range(1, 256),
    "_replicas": Range(1),
}
# Sizes, times and steps of any other name; none of them goes below nothing.
OTHERWISE = Range(0)

_TIME = r"([01]\d|2[0-3]):[0-5]\d"
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY = f"({'|'.join(_WEEKDAYS)})"
_DAILY = Form(rf"{_TIME}-{_TIME}", "times in UTC, such as 03:00-04:00")
_SHA256 = Form(r"[0-9a-f]{64}", "64 hexadecimal digits in small letters")
FORMS: Mapping[str, Form] = {
    "aurora_postgres_database": Form(
        r"[A-Za-z][A-Za-z0-9_]{0,62}", "letters, digits and underscores with a letter first, such as my_shop"
    ),
    "aurora_postgres_engine_version": Form(r"\d+(\.\d+)?", "major or major.minor, such as 15.4"),
    "aurora_postgres_instance_class": Form(r"db\.[a-z0-9-]+\.[a-z0-9-]+", "a class such as db.t4g.medium"),
    "ec2_host_image_id": Form(r"ami-[0-9a-z]+", "the ID of an image such as ami-0123456789abcdef0"),
    "ec2_host_instance_type": Form(r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "a type such as t3.xlarge"),
    "elasticache_redis_engine_version": Form(r"\d+(\.\d+){0,2}", "a version such as 7.0"),
    "elasticache_redis_node_type": Form(r"cache\.[a-z0-9-]+\.[a-z0-9-]+", "a type such as cache.t4g.medium"),
    "k3s_common_images.sha256": _SHA256,
    "_maintenance_window": Form(
        rf"{_WEEKDAY}:{_TIME}-{_WEEKDAY}:{_TIME}", "weekdays and times in UTC, such as sun:04:30-sun:05:30"
    ),
    "_backup_window": _DAILY,
    "_snapshot_window": _DAILY,
    "_node_taints": Form(
        r"[^\s=:]+(=[^\s=:]*)?:(NoSchedule|PreferNoSchedule|NoExecute)", "key=value:effect, such as only=db:NoSchedule"
    ),
    "_work_mem": Form(r"[1-9]\d*(kB|MB|GB|TB)", "a number and a unit of PostgreSQL, such as 256MB"),
}


def check(name: str, value: Any, spec: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield every number out of bounds and every text of the wrong form; values of a wrong type are others' to name."""
    yield from _check(name, name, value, spec)


def _check(shown: str, name: str, value: Any, spec: Mapping[str, Any]) -> Iterator[Fault]:
    kind = spec.get("type", "str")
    if isinstance(value, Mapping):
        for key, inner in (spec.get("options") or {}).items():
            if key in value:
                yield from _check(f"{shown}.{key}", f"{name}.{key}", value[key], inner)
    elif isinstance(value, str):
        form = _rule(FORMS, name)
        if kind == "str" and form and value and not re.fullmatch(form.pattern, value):
            yield Fault(shown, f'is the text "{value}"', f"write {form.says}")
    elif isinstance(value, Sequence):
        inner = {"type": spec.get("elements", "raw"), "options": spec.get("options")}
        for index, item in enumerate(value):
            yield from _check(f"{shown}[{index}]", name, item, inner)
    elif kind in ("int", "float") and isinstance(value, int | float) and not isinstance(value, bool):
        bounds = _rule(RANGES, name) or OTHERWISE
        if not bounds.holds(value):
            yield Fault(
                shown, f"is the number {value}", f"give it {bounds}" + (", and finite" if value == math.inf else "")
            )


def _rule(rules: Mapping[str, T], name: str) -> T | None:
    return rules.get(name) or next((r for end, r in rules.items() if end[0] == "_" and name.endswith(end)), None)


def check_pairs(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Check that no maximum is below its minimum and that no backup is taken during maintenance."""
    for low, small in values.items():
        high = re.sub(r"_min(?=_|$)", "_max", low)
        large = values.get(high)
        if high != low and isinstance(small, int | float) and isinstance(large, int | float) and large < small:
            yield Fault(high, f"is {large}, below {low}, {small}", f"give it {small} or more")
    for weekly in (name for name in values if name.endswith("_maintenance_window")):
        prefix = weekly.removesuffix("_maintenance_window")
        for daily in (f"{prefix}_backup_window", f"{prefix}_snapshot_window"):
            if _minutes(values[weekly]) & _minutes(values.get(daily)):
                what = f"{values[weekly]} meets {daily}, {values[daily]}"
                yield Fault(weekly, what, "move one of them; AWS refuses windows that overlap")


def _minutes(window: Any) -> frozenset[int]:
    """Return the minutes of the week that a window covers; none where it has no form that is known."""
    daily, weekly = FORMS["_backup_window"].pattern, FORMS["_maintenance_window"].pattern
    if not isinstance(window, str) or not (re.fullmatch(daily, window) or re.fullmatch(weekly, window)):
        return frozenset()
    start, _, end = window.partition("-")
    week = 7 * 1440
    if start[0].isdigit():
        length = (_minute(end) - _minute(start)) % 1440
        begins = [day * 1440 + _minute(start) for day in range(7)]
    else:
        first, last = (_WEEKDAYS.index(text[:3]) * 1440 + _minute(text[4:]) for text in (start, end))
        length, begins = (last - first) % week, [first]
    return frozenset((begin + minute) % week for begin in begins for minute in range(length))


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
