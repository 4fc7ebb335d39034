"""What a person and a playbook get to read about a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._service.apply import Outcome
from ansible_collections.tiketi.platform.plugins.module_utils._service.model import Service, Target
from ansible_collections.tiketi.platform.plugins.module_utils._service.naming import Object
from ansible_collections.tiketi.platform.plugins.module_utils._service.plan import Change, Verb, comparable
from ansible_collections.tiketi.platform.plugins.module_utils._service.scrub import Scrubber, without_secret_data


def to_yaml(obj: Object) -> str:
    return yaml.safe_dump(obj, sort_keys=False, default_flow_style=False)


def _side(obj: Object | None) -> str:
    return to_yaml(without_secret_data(comparable(obj))) if obj is not None else ""


def differences(changes: Iterable[Change]) -> list[dict[str, str]]:
    """Return the before and after of each change, without the values of Secrets."""
    return [
        {
            "before_header": f"{item.kind} {item.name}",
            "after_header": f"{item.kind} {item.name}",
            "before": _side(item.before),
            "after": _side(item.after),
        }
        for item in changes
        if item.verb is not Verb.KEEP
    ]


def objects(changes: Sequence[Change]) -> dict[str, Any]:
    """Return the names of what was made, changed and deleted, and how many objects stayed."""
    words = {Verb.CREATE: "created", Verb.UPDATE: "updated", Verb.DELETE: "deleted"}
    named = {word: [f"{i.kind}/{i.name}" for i in changes if i.verb is verb] for verb, word in words.items()}
    return {**named, "unchanged": sum(item.verb is Verb.KEEP for item in changes)}


def summary(services: Sequence[Service], target: Target) -> list[dict[str, Any]]:
    return [
        {
            "name": service.name,
            "image": target.images.get(service.image, service.image),
            "replicas": service.replicas,
            "paths": list(service.paths),
        }
        for service in services
    ]


def failure(outcome: Outcome, services: Sequence[Service], undo: bool, scrubber: Scrubber) -> str:
    """Say which services were lost, why, and how things stand now."""
    lines = [f"{len(outcome.lost)} of {len(services)} services did not become ready:"]
    for item in outcome.lost:
        lines.append(f"  - {item.service}: {item.text}")
        lines += [f"      | {line}" for line in item.log.splitlines()]
        if item.service in outcome.undone:
            lines.append(f"    {outcome.undone[item.service]}")
        elif item.deployment:
            lines.append("    not undone: " + ("no earlier revision serves" if undo else "undoing is switched off"))
    names = {item.service for item in outcome.lost}
    well = [service.name for service in services if service.name not in names]
    if well:
        lines.append(f"As wanted: {', '.join(well)}.")
    lines.append("Nothing was pruned, and no network policy was narrowed. Mend the cause and run again.")
    return scrubber.text("\n".join(lines))


def files(rendered: Iterable[Object], service_of: Any) -> Mapping[str, str]:
    """Return the rendered objects as files for review or GitOps, by name; Secrets are left out, whatever they hold."""
    parts: dict[str, list[Object]] = {}
    left_out: dict[str, list[str]] = {}
    for obj in rendered:
        name = service_of(obj) or "_shared"
        parts.setdefault(name, [])
        if obj["kind"] == "Secret":
            left_out.setdefault(name, []).append(obj["metadata"]["name"])
        else:
            parts[name].append(obj)
    return {f"{name}.yml": _file(objs, left_out.get(name, [])) for name, objs in parts.items()}


MARK = "# Rendered by tiketi.platform.service_deploy."


def _file(objs: Sequence[Object], left_out: Sequence[str]) -> str:
    notes = [f"# The Secret {name} is left out: its content comes from Secrets Manager.\n" for name in left_out]
    return f"{MARK}\n{''.join(notes)}" + "".join(f"---\n{to_yaml(obj)}" for obj in objs)
