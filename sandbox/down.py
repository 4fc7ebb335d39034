"""Take everything away: by label what the engine holds, by pid file the service, then the directory."""

from __future__ import annotations

import shutil

from sandbox import controller, engine, monitors, network, podman_service
from sandbox.engine import Engine
from sandbox.images import Log
from sandbox.settings import DIGEST_LABEL, IMAGE_PREFIX, LABEL, MINISTACK_PORT, NAME, Paths

# Not every container of MiniStack's carries its instance label, but every one carries ours (ministack_compat) or this.
CONTAINER_LABELS = (LABEL, f"ministack.instance={NAME}:{MINISTACK_PORT}")


def containers(found: Engine) -> list[str]:
    """Of one label or another, and whatever else stands on the network, which would keep it from going."""
    filters = [f"label={label}" for label in CONTAINER_LABELS]
    if found.inspect("network", NAME) is not None:
        filters.append(f"network={NAME}")
    ids: list[str] = []
    for condition in filters:
        ids += found.ids("ps", "--all", "--quiet", "--filter", condition)
    return list(dict.fromkeys(ids))


def down(paths: Paths, log: Log, *, with_images: bool = False) -> None:
    found = engine.find(paths)
    if found is not None:
        if found.kind == "podman":
            engine.write_podman_conf(paths)
        # MiniStack first: it would start again what it finds gone.
        removed: list[str] = []
        for _ in range(2):
            log("removing containers and their volumes")
            there = containers(found)
            found.remove_containers(there)
            removed += there
        monitors.end(removed)
        volumes = found.ids("volume", "ls", "--quiet", "--filter", f"label={LABEL}")
        if volumes:
            found.run("volume", "rm", "--force", *volumes, check=False)
        log("removing the network")
        network.remove(found)
        if with_images:
            log("removing images")
            _remove_images(found)
    controller.remove()
    podman_service.stop(paths.run / "podman.sock")
    log("removing .sandbox")
    shutil.rmtree(paths.root, ignore_errors=True)
    if with_images:
        shutil.rmtree(paths.cache, ignore_errors=True)


def _remove_images(found: Engine) -> None:
    names = found.output(
        "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"label={DIGEST_LABEL}"
    ).splitlines()
    ours = [name for name in names if name.startswith(f"{IMAGE_PREFIX}/")]
    if ours:
        found.run("image", "rm", "--force", *ours, check=False)
