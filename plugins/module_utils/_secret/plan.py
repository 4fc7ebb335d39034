"""What has to be done to the secrets that are there. No value leaves a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._secret.errors import SecretError
from ansible_collections.tiketi.platform.plugins.module_utils._secret.model import Shape, Wanted


@dataclass(frozen=True)
class Current:
    """One secret that is there. The content is kept out of repr, so that no traceback prints it."""

    content: Mapping[str, Any] = field(repr=False)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Action:
    """Create a secret, or add keys or tags to it."""

    name: str
    create: bool = False
    add: Sequence[Shape] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


def plan(current: Mapping[str, Current], wanted: Sequence[Wanted], tags: Mapping[str, str]) -> list[Action]:
    """Compare; keys that nobody declared belong to others and stay."""
    faults: list[str] = []
    actions: list[Action] = []
    for secret in wanted:
        full_tags = {**tags, "Name": secret.name}
        found = current.get(secret.name)
        if found is None:
            actions.append(Action(secret.name, create=True, add=secret.shapes, tags=full_tags))
            continue
        for shape in secret.shapes:
            # What follows its declaration is mended below, whatever it is now.
            fault = shape.fault(found.content[shape.key]) if shape.key in found.content and not shape.current else ""
            if fault:
                faults.append(f"key {shape.key} of {secret.name} {fault}")
        add = [shape for shape in secret.shapes if _lacks(found.content, shape)]
        lacking = {key: value for key, value in full_tags.items() if found.tags.get(key) != value}
        if add or lacking:
            actions.append(Action(secret.name, add=add, tags=lacking))
    if faults:
        raise SecretError(
            "; ".join(faults)
            + ". Nothing was changed. Mend: correct the secret in Secrets Manager, or remove that key of it "
            "to have it made anew."
        )
    return actions


def _lacks(content: Mapping[str, Any], shape: Shape) -> bool:
    return shape.key not in content or (shape.current and content[shape.key] != shape.constant)


def diff(current: Mapping[str, Current], actions: Sequence[Action]) -> dict[str, str]:
    """Show which keys and tags change, never what they hold."""
    before, after = "", ""
    for action in actions:
        keys = sorted(current[action.name].content) if action.name in current else []
        tags = current[action.name].tags if action.name in current else {}
        before += _lines(action.name, keys, {key: tags.get(key, "") for key in action.tags}) if keys else ""
        after += _lines(action.name, sorted({*keys, *(shape.key for shape in action.add)}), action.tags)
    return {"before": before, "after": after}


def _lines(name: str, keys: Sequence[str], tags: Mapping[str, str]) -> str:
    lines = [f"{name}: keys {', '.join(keys)}"]
    lines += [f"{name}: tag {key}={value}" for key, value in sorted(tags.items()) if value]
    return "".join(f"{line}\n" for line in lines)
