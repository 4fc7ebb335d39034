"""A cache parameter group and the values in it: decisions, and the run that carries them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .api import ElastiCache
from .errors import FaultyRequestError


@dataclass(frozen=True)
class ParameterGroupSpec:
    name: str
    family: str
    description: str
    values: dict[str, str]
    tags: dict[str, str] | None = None
    purge_tags: bool = True


@dataclass(frozen=True)
class ParameterGroup:
    name: str
    family: str
    arn: str
    values: dict[str, str]
    fixed: frozenset[str]
    tags: dict[str, str]


@dataclass(frozen=True)
class ParameterPlan:
    """What is to be done; an empty plan is false."""

    create: bool
    values: dict[str, str]
    tags: dict[str, str]
    untag: list[str]

    def __bool__(self) -> bool:
        return bool(self.create or self.values or self.tags or self.untag)


def plan(current: ParameterGroup | None, spec: ParameterGroupSpec) -> ParameterPlan:
    """Raises with every fault at once; parameters that are not named stay as they are."""
    if current is None:
        return ParameterPlan(True, spec.values, spec.tags or {}, [])
    faults = []
    if current.family != spec.family:
        faults.append(
            f"cache parameter group {spec.name} is of family {current.family} and cannot become {spec.family}:"
            " choose another name for the new family"
        )
    for name in sorted(set(spec.values) - set(current.values)):
        faults.append(f"family {current.family} has no parameter {name}: correct the name")
    for name in sorted(current.fixed & set(spec.values)):
        if current.values[name] != spec.values[name]:
            faults.append(f"parameter {name} of family {current.family} is fixed at {current.values[name]!r}")
    if faults:
        raise FaultyRequestError(faults)
    values = {name: value for name, value in spec.values.items() if current.values[name] != value}
    have = {k: v for k, v in current.tags.items() if not k.startswith("aws:")}
    tags = {k: v for k, v in (spec.tags or {}).items() if have.get(k) != v}
    purge = spec.tags is not None and spec.purge_tags
    untag = sorted(set(have) - set(spec.tags or {})) if purge else []
    return ParameterPlan(False, values, tags, untag)


def read(api: ElastiCache, name: str) -> ParameterGroup | None:
    raw = api.describe_parameter_group(name)
    if raw is None:
        return None
    parameters: list[dict[str, Any]] = api.parameters(name)
    return ParameterGroup(
        name=name,
        family=raw["CacheParameterGroupFamily"],
        arn=raw["ARN"],
        values={p["ParameterName"]: p.get("ParameterValue", "") for p in parameters},
        fixed=frozenset(p["ParameterName"] for p in parameters if not p.get("IsModifiable", True)),
        tags=api.tags(raw["ARN"]),
    )


def apply(api: ElastiCache, spec: ParameterGroupSpec, steps: ParameterPlan) -> None:
    if steps.create:
        api.create_parameter_group(spec.name, spec.family, spec.description, steps.tags)
        # The family is known only now to AWS's own list, so a wrong name is refused before a value is set.
        steps = plan(read(api, spec.name), spec)
    if steps.values:
        api.set_parameters(spec.name, steps.values)
    if steps.tags or steps.untag:
        current = read(api, spec.name)
        if current and steps.untag:
            api.untag(current.arn, steps.untag)
        if current and steps.tags:
            api.tag(current.arn, steps.tags)


def spec_from(params: dict[str, Any]) -> ParameterGroupSpec:
    tags = params.get("tags")
    return ParameterGroupSpec(
        name=params["name"].lower(),
        family=params["family"],
        description=params.get("description") or params["name"],
        values={str(name): str(value) for name, value in (params.get("values") or {}).items()},
        tags=None if tags is None else {str(key): str(value) for key, value in tags.items()},
        purge_tags=params.get("purge_tags", True),
    )


def view(group: ParameterGroup | None, names: list[str]) -> dict[str, Any]:
    if group is None:
        return {}
    values = {name: group.values[name] for name in names if name in group.values}
    return {"name": group.name, "family": group.family, "arn": group.arn, "values": values, "tags": group.tags}
