"""Bring the sandbox to its whole state. Every step looks first, so a half-made or broken one is mended."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from rich.console import Console

from sandbox import (
    ami,
    aws,
    base_image,
    bridge,
    controller,
    engine,
    handover,
    images,
    k3s,
    keys,
    legacy,
    ministack,
    network,
    podman_service,
    tls,
)
from sandbox.engine import Engine
from sandbox.files import write_private
from sandbox.images import Image
from sandbox.settings import ENDPOINT, REPOSITORY, SUBNET, Paths
from sandbox.steps import Steps


def up(console: Console, paths: Paths) -> None:
    steps = Steps(console)
    begin = time.monotonic()
    paths.root.mkdir(mode=0o700, exist_ok=True)
    found = _engine(steps, paths)
    with steps.step("network and keys") as step:
        step.result(any([network.ensure(found), keys.ensure(paths), tls.ensure(paths)]), str(SUBNET))
    source = _images(steps, found, paths)
    _ministack(steps, found, paths)
    with steps.step("host AMI") as step:
        host_image = _register(images.host(None), found, "host")
        step.result(host_image[1], host_image[0])
    with steps.step("certificates, env") as step:
        changed = _hand_over(found, paths, host_image[0], source)
        step.result(changed, ".sandbox/env, .sandbox/vars.yml")
    with steps.step("legacy host") as step:
        old_image = _register(images.LEGACY, found, "legacy")
        old = legacy.ensure(aws.client, old_image[0], paths, step.log)
        step.result(old.changed, f"{old.address}, {old.contents}")
    _summary(console, paths, found, source, old, time.monotonic() - begin)


def _engine(steps: Steps, paths: Paths) -> Engine:
    with steps.step("container engine") as step:
        if engine.find(paths) is None:
            step.log("installing Podman with apt")
        found = engine.ensure(paths)
        started = podman_service.ensure(found) if found.kind == "podman" else False
        step.result(started, f"{found.kind} {found.version}")
    return found


def _images(steps: Steps, found: Engine, paths: Paths) -> k3s.Source:
    with steps.step("image base") as step:
        step.result(base_image.ensure(found, step.log), base_image.REFERENCE)
    references = {"base": base_image.REFERENCE}
    for image in images.FIXED:
        _image(steps, found, image, references)
    with steps.step("K3s") as step:
        source = k3s.source(paths, step.log)
        step.result(source.built, source.description)
    _image(steps, found, images.host(source.artifact), references)
    return source


def _image(steps: Steps, found: Engine, image: Image, references: dict[str, str]) -> None:
    with steps.step(f"image {image.name}") as step:
        step.result(images.ensure(found, image, references[image.parent], step.log), image.reference)
    references[image.name] = image.reference


def _ministack(steps: Steps, found: Engine, paths: Paths) -> None:
    with steps.step("MiniStack") as step:
        started = ministack.ensure(found, paths, step.log)
        bridge.pin(found)  # it is there since the first container is
        stamp = ministack.started_at(found)
        known = json.loads(paths.state.read_text()).get("ministack") if paths.state.exists() else None
        write_private(paths.state, json.dumps({"ministack": stamp}))
        text = ENDPOINT
        if known not in (None, stamp):
            ministack.sweep_volumes(found)
            text += " (started anew: what was in it is gone, run site.yml again)"
        step.result(started, text)


def _register(image: Image, found: Engine, name: str) -> tuple[str, bool]:
    digest = images.current_digest(found, image.reference)
    return ami.ensure(
        aws.client("ec2"), f"tiketi-sandbox-{name}-{digest}", image.reference, f"Debian host of the sandbox ({name})"
    )


def _hand_over(found: Engine, paths: Paths, host_image: str, source: k3s.Source) -> bool:
    changed = [handover.fetch_certificates(paths), controller.ensure(found, paths)]
    variables = handover.variables(paths, host_image, source.variables)
    files: dict[Any, str] = {
        paths.vars: handover.variables_text(variables),
        paths.env: handover.env_text(handover.environment(paths, found.extra_env)),
    }
    changed += [write_private(path, text) for path, text in files.items()]
    return any(changed)


def _summary(
    console: Console, paths: Paths, found: Engine, source: k3s.Source, old: legacy.Legacy, seconds: float
) -> None:
    console.print(f"\n[bold]The sandbox is up[/] after {seconds:.1f} s: {found.kind}, {source.description}, {ENDPOINT}")
    console.print(f"legacy host {old.address}: {old.contents}")
    root = os.path.relpath(paths.root, REPOSITORY)
    console.print(
        f"  source {root}/env\n  ansible-playbook site.yml -i inventories/k3s -e @{root}/vars.yml", highlight=False
    )
