"""Gap: containers carry no label of the sandbox, and their ports are published on every address of the machine."""

from __future__ import annotations

import os
from typing import Any

from docker.models.containers import ContainerCollection

LOOPBACK = "127.0.0.1"
LABEL = "SANDBOX_LABEL"  # name=value


def apply() -> None:
    # `run` makes its container by `create`, so this is the one place.
    plain = ContainerCollection.create

    def create(self: Any, image: str, command: Any = None, **options: Any) -> Any:
        return plain(self, image, command, **defaults(options))

    ContainerCollection.create = create


def defaults(options: dict[str, Any]) -> dict[str, Any]:
    name, _, value = os.environ.get(LABEL, "").partition("=")
    labels = options.get("labels") or {}
    if isinstance(labels, list):
        labels = dict.fromkeys(labels, "")
    changed = {**options, "labels": {**labels, name: value} if name else labels}
    if options.get("ports"):
        changed["ports"] = {port: _on_loopback(target) for port, target in options["ports"].items()}
    return changed


def _on_loopback(target: Any) -> Any:
    """docker-py takes a port, None for any port, (address, port), or a list of these."""
    if isinstance(target, list):
        return [_on_loopback(one) for one in target]
    return target if isinstance(target, tuple) else (LOOPBACK, target)
