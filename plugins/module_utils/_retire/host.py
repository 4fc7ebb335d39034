"""What of the old stores is on this host, and taking it away."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._compose.engine import Engine
from ansible_collections.tiketi.platform.plugins.module_utils._retire.errors import RetireError
from ansible_collections.tiketi.platform.plugins.module_utils._retire.model import (
    PROJECT_FILES,
    TLS_FILES,
    Found,
    Step,
    Wish,
)


@contextlib.contextmanager
def locked(wish: Wish) -> Iterator[None]:
    """One run at a time: a backup goes on for a while after its run was given up. The lock is on the folder, so no file is left."""
    if not wish.tls.exists():
        yield
        return
    handle = os.open(wish.tls, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RetireError(
                "another run takes the old stores away at this moment. Mend: let it end, then look again"
            ) from None
        yield
    finally:
        os.close(handle)


def look(wish: Wish, engine: Engine | None) -> Found:
    containers = engine.containers(wish.project) if engine else {}
    files = [path for pattern in PROJECT_FILES for path in sorted(wish.folder.glob(pattern))]
    files += [wish.tls / name for name in TLS_FILES if (wish.tls / name).exists()]
    return Found(
        containers={name: one.running for name, one in containers.items()},
        published=_published(engine.inspect(*containers)) if engine else frozenset(),
        pod=wish.pod_name if engine and engine.kind == "podman" and _has(engine, "pod", wish.pod_name) else "",
        network=wish.network_name if engine and _has(engine, "network", wish.network_name) else "",
        volumes=tuple(name for name in wish.volume_names if engine and _has(engine, "volume", name)),
        files=tuple(files),
        marker=read_marker(wish.marker),
    )


def _has(engine: Engine, kind: str, name: str) -> bool:
    return engine.run(kind, "inspect", name, check=False, seconds=60).returncode == 0


def _published(inspected: list[dict[str, Any]]) -> frozenset[tuple[str, int]]:
    found = set()
    for one in inspected:
        for places in ((one.get("HostConfig") or {}).get("PortBindings") or {}).values():
            found |= {(str(place.get("HostIp", "")), int(place["HostPort"])) for place in places or []}
    return frozenset(found)


def read_marker(path: Path) -> dict[str, str] | None:
    if not path.exists():
        return None
    try:
        return {str(key): str(value) for key, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise RetireError(
            f"{path} cannot be read ({error}). Mend: remove it if the old stores are in use, else correct it"
        ) from None


def write_marker(wish: Wish, backup: str, kept: tuple[str, ...], since: str = "") -> None:
    """Before the first container stops: from here on nothing brings the old stores up again unasked."""
    content = {
        "retired": since or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "stage": wish.stage,
        "backup": backup,
        "volumes": ", ".join(kept),
        "mend": "the data are at the stage after this one; remove this file only to bring the old stores up again",
    }
    wish.tls.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = wish.marker.with_name(f".{wish.marker.name}.new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "w", encoding="utf-8") as handle:
        json.dump(content, handle, indent=1)
        handle.write("\n")
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(wish.marker)


def free_bytes(place: Path) -> int:
    """Where the folder would be made."""
    known = next(parent for parent in [place, *place.parents] if parent.exists())
    return shutil.disk_usage(known).free


def holds_something(place: Path) -> bool:
    return place.exists() and (not place.is_dir() or any(place.iterdir()))


def take_away(wish: Wish, step: Step, engine: Engine | None) -> None:
    if step.kind == "file":
        path = Path(step.name)
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
        return
    if engine is None:
        raise RetireError(f"this host has no container engine to {step.text}. Mend: run role container_engine")
    if step.kind == "container":
        grace = next((seconds for store, seconds in wish.graces.items() if wish.container(store) == step.name), 30)
        engine.remove(step.name, grace)
    else:
        engine.run(step.kind, "rm", step.name)


def leave_folder(wish: Wish) -> str:
    """The project's folder goes when it is empty; what else is in it is somebody's, and is named."""
    if not wish.folder.exists():
        return ""
    with contextlib.suppress(OSError):
        wish.folder.rmdir()
        return ""
    left = ", ".join(sorted(path.name for path in wish.folder.iterdir()))
    return f"{wish.folder} stays, since it holds what the role did not make: {left}"
