"""Looks, decides, and does: the images of one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.tiketi.platform.plugins.module_utils._container_image import containerfile, engine
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.api import Registry
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.errors import ImageError
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.model import Image, content_tag
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.plan import Build, diff, plan, references


@dataclass
class Result:
    changed: bool
    images: dict[str, str]
    built: list[str]
    diff: dict[str, str]
    warnings: list[str] = field(default_factory=list)


def ensure(
    images: Sequence[Image],
    registry: Registry,
    find_engine: Callable[[], engine.Engine],
    options: engine.Options,
    *,
    check_mode: bool,
) -> Result:
    bases = sorted({base for image in images for base in image.bases})
    local = [base for base in bases if containerfile.is_local(base)]
    local_ids = {base: find_engine().image_id(base) for base in local}
    tags = {image.name: content_tag(image, local_ids) for image in images}
    found, absent = registry.find(images, tags)
    if absent and not check_mode:
        raise ImageError(
            f"There is no repository {', '.join(absent)}. Mend: make it first, by the role ecr_repository."
        )
    builds = plan(images, tags, found)
    if builds and not check_mode:
        _build_and_push(builds, registry, find_engine(), options)
        found, _ = registry.find(images, tags)
        missing = [reference for build in builds for reference in build.references if not _is_there(reference, found)]
        if missing:
            raise ImageError(f"Pushed, but ECR does not know it: {', '.join(missing)}")
    unpinned = [base for base in bases if not containerfile.is_pinned(base) and base not in local]
    return Result(
        changed=bool(builds),
        images=references(images, tags, found),
        built=[build.image.name for build in builds],
        diff=diff(images, tags, builds),
        warnings=[f"The base image {base} has no digest, so that two builds may differ." for base in unpinned],
    )


def _is_there(reference: str, found: dict[tuple[str, str], str]) -> bool:
    repository, _, tag = reference.rpartition(":")
    return (repository, tag) in found


def _build_and_push(builds: Sequence[Build], registry: Registry, tool: engine.Engine, options: engine.Options) -> None:
    for build in builds:
        access = None
        try:
            tool.build(build, options)
            access = registry.access()
            for reference in build.references:
                _push(tool, reference, access, registry, build)
        finally:
            tool.forget(build.references, access)


def _push(tool: engine.Engine, reference: str, access: engine.Access, registry: Registry, build: Build) -> None:
    try:
        tool.push(reference, access)
    except ImageError:
        # Tags are immutable: another run may have been faster with the same content.
        repository = reference.rpartition(":")[0]
        image = replace(build.image, repository=repository)
        found, _ = registry.find([image], {image.name: build.tag})
        if not _is_there(reference, found):
            raise
