"""Where the inventory looks for addresses: its source is read before any variable is known, so it repeats three of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.tiketi.platform.plugins.module_utils._preflight.model import Fault

PLUGINS = ("amazon.aws.aws_ec2", "aws_ec2")
Source = tuple[str, Mapping[str, Any]]


def read_sources(folder: str) -> list[Source]:
    """Read the files beside the inventory that ask AWS for addresses."""
    found: list[Source] = []
    for path in sorted(Path(folder).glob("*aws_ec2.y*ml")) if folder else []:
        try:
            content = yaml.safe_load(path.read_text())
        except (OSError, yaml.YAMLError):
            continue  # Ansible itself has said it
        if isinstance(content, Mapping) and content.get("plugin") in PLUGINS:
            found.append((str(path), content))
    return found


def check_sources(sources: Sequence[Source], values: Mapping[str, Any], hosts: bool) -> Iterator[Fault]:
    """Compare what each file asks for with the variables; a host that it does not find would be waited for in vain."""
    for path, content in sources:
        filters = content.get("filters") or {}
        asked = {"regions": content.get("regions"), **{f"filters.{key}": value for key, value in filters.items()}}
        yield from _compare(path, "regions", asked, "platform_region", values)
        yield from _compare(path, "filters.tag:Project", asked, "platform_project", values)
        # A stage without hosts of its own looks for those of other stages only.
        if hosts:
            yield from _compare(path, "filters.tag:Stage", asked, "platform_stage", values)


def _compare(path: str, key: str, asked: Mapping[str, Any], name: str, values: Mapping[str, Any]) -> Iterator[Fault]:
    wanted, found = values.get(name), asked.get(key)
    texts = [found] if isinstance(found, str) else found
    if not wanted or not isinstance(texts, Sequence) or not texts:
        return  # not asked for: it looks everywhere
    if wanted in texts or any("{{" in str(text) or "*" in str(text) for text in texts):
        return
    kept = [text for text in texts if key == "filters.tag:Stage"]
    line = f"[{', '.join([*map(str, kept), wanted])}]" if key != "filters.tag:Project" else wanted
    yield Fault(
        path,
        f"{key} is {', '.join(map(str, texts))}, but {name} is {wanted}, so no host would get an address",
        f"write {key.removeprefix('filters.')}: {line}" + (" under filters" if key.startswith("filters.") else ""),
    )
