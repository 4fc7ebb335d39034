"""Which images have to be built, and where they have to go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.tiketi.platform.plugins.module_utils._container_image.model import Image


@dataclass(frozen=True)
class Build:
    """One build, however many repositories want what comes out."""

    image: Image
    tag: str
    repositories: tuple[str, ...]

    @property
    def references(self) -> list[str]:
        return [f"{repository}:{self.tag}" for repository in self.repositories]


Found = Mapping[tuple[str, str], str]  # (repository, tag) to digest


def plan(images: Sequence[Image], tags: Mapping[str, str], found: Found) -> list[Build]:
    wanted: dict[str, tuple[Image, list[str]]] = {}
    for image in images:
        tag = tags[image.name]
        if (image.repository, tag) in found:
            continue
        _, repositories = wanted.setdefault(tag, (image, []))
        if image.repository not in repositories:
            repositories.append(image.repository)
    return [Build(image, tag, tuple(repositories)) for tag, (image, repositories) in wanted.items()]


def references(images: Sequence[Image], tags: Mapping[str, str], found: Found) -> dict[str, str]:
    """By digest where it is known, which is everywhere but in check mode."""
    result = {}
    for image in images:
        tag = tags[image.name]
        digest = found.get((image.repository, tag))
        result[image.name] = f"{image.repository}@{digest}" if digest else f"{image.repository}:{tag}"
    return result


def diff(images: Sequence[Image], tags: Mapping[str, str], builds: Sequence[Build]) -> dict[str, str]:
    built = {(repository, build.tag) for build in builds for repository in build.repositories}
    new = [image for image in images if (image.repository, tags[image.name]) in built]
    return {"before": "", "after": "".join(f"{image.name}: {image.repository}:{tags[image.name]}\n" for image in new)}
