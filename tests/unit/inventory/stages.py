"""The stages of the inventories, rendered without AWS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._preflight.catalogue import Catalogue, load

STAGES = sorted(path for path in Path("inventories").iterdir() if (path / "hosts.yml").is_file())


@cache
def catalogue(playbook: str = "site.yml") -> Catalogue:
    return load(Path.cwd(), playbook)


@cache
def rendered(stage: Path, **extra: str) -> dict[str, Any]:
    sources = [path for path in (stage / "hosts.yml", stage / "origin.yml") if path.is_file()]
    command = [Path(sys.executable).with_name("ansible-inventory"), "--list"]
    command += [word for path in sources for word in ("-i", path)]
    command += [word for name, value in extra.items() for word in ("-e", f"{name}={value}")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "AWS_PROFILE": ""})
    content: dict[str, Any] = json.loads(done.stdout)
    return content


def members(stage: Path, group: str, **extra: str) -> list[str]:
    found = rendered(stage, **extra).get(group, {})
    children = found.get("children", [])
    return [*found.get("hosts", []), *(host for child in children for host in members(stage, child, **extra))]
