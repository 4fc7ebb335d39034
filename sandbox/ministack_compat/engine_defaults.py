"""Gap: containers and volumes carry no label of the sandbox, and ports are published on every address of the machine."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from docker.models.containers import ContainerCollection

LOOPBACK = "127.0.0.1"
LABEL = "SANDBOX_LABEL"  # name=value


def apply() -> None:
    # `run` makes its container by `create`, so this is the one place.
    plain = ContainerCollection.create

    def create(self: Any, image: str, command: Any = None, **options: Any) -> Any:
        for volume in named_volumes(options.get("volumes")):
            _label_volume(self.client, volume)
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


def named_volumes(volumes: Any) -> list[str]:
    """The volumes with a name of their own in docker-py's {source: {...}} form; the others are paths of the machine."""
    return [source for source in volumes if not source.startswith("/")] if isinstance(volumes, dict) else []


def _label_volume(client: Any, name: str) -> None:
    """The engine would make the volume without a label, and `down` finds by label."""
    from docker.errors import APIError, NotFound  # noqa: PLC0415 - the tests load docker anew for each test

    label, _, value = os.environ.get(LABEL, "").partition("=")
    try:
        client.volumes.get(name)
    except NotFound:
        with contextlib.suppress(APIError):  # another request was faster
            client.volumes.create(name, labels={label: value})


def _on_loopback(target: Any) -> Any:
    """docker-py takes a port, None for any port, (address, port), or a list of these."""
    if isinstance(target, list):
        return [_on_loopback(one) for one in target]
    return target if isinstance(target, tuple) else (LOOPBACK, target)
