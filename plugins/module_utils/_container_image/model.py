"""An image as declared, and the name that its content gives it."""

from __future__ import annotations

import hashlib
import json
import os
import platform as machine
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._container_image import containerfile, ignore
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.errors import ImageError

# Part of the digest: raised when the way of building changes what comes out.
RECIPE = "1"
TAG_PREFIX = "content-"
REPOSITORY = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.[a-z.-]+/(?P<name>[a-z0-9][a-z0-9._/-]*)"
)
PLATFORMS = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}


@dataclass(frozen=True)
class Image:
    """One declared image."""

    name: str
    context: Path
    containerfile: Path
    build_args: Mapping[str, str]
    platform: str
    repository: str

    @property
    def bases(self) -> list[str]:
        return containerfile.bases(self.containerfile.read_text(encoding="utf-8"), self.build_args)

    @property
    def account(self) -> str:
        return _part(self.repository, "account")

    @property
    def repository_name(self) -> str:
        return _part(self.repository, "name")

    @property
    def registry(self) -> str:
        return self.repository.partition("/")[0]


def _part(repository: str, part: str) -> str:
    match = REPOSITORY.fullmatch(repository)
    if match is None:
        raise ImageError(f"{repository} is not the address of an ECR repository")
    return match[part]


def parse(declared: Sequence[Mapping[str, Any]]) -> list[Image]:
    """Read the declaration; name every fault at once."""
    names = [str(entry["name"]) for entry in declared]
    faults = [f"{name}: declared twice" for name in sorted({name for name in names if names.count(name) > 1})]
    images = []
    for entry in declared:
        context = Path(entry["context"])
        image = Image(
            name=str(entry["name"]),
            context=context,
            containerfile=context / (entry.get("containerfile") or "Containerfile"),
            build_args={str(key): str(value) for key, value in (entry.get("build_args") or {}).items()},
            platform=entry.get("platform") or PLATFORMS.get(machine.machine(), f"linux/{machine.machine()}"),
            repository=str(entry["repository"]),
        )
        faults += [f"{image.name}: {fault}" for fault in (*_repository_faults(image), *context_faults(image))]
        images.append(image)
    if faults:
        raise ImageError("Images are declared wrongly: " + "; ".join(faults) + ".")
    return images


def _repository_faults(image: Image) -> Iterator[str]:
    if not image.repository:
        yield "no repository; name it in ecr_repository_names, or set the image's repository to one that is there"
    elif not REPOSITORY.fullmatch(image.repository):
        yield f"repository {image.repository!r} is not the address of an ECR repository (<account>.dkr.ecr.<region>.amazonaws.com/<name>)"


def context_faults(image: Image) -> Iterator[str]:
    """Yield what is wrong with the folder that an image is built from."""
    if not image.context.is_dir():
        yield f"context {image.context} is not a folder"
    elif not image.containerfile.is_file():
        yield f"there is no {image.containerfile}"
    elif not image.bases:
        yield f"{image.containerfile} names no base image"


def content_tag(image: Image, local_bases: Mapping[str, str]) -> str:
    """The same inputs, whoever builds and wherever the folder lies, give the same tag."""
    about = {
        "recipe": RECIPE,
        "containerfile": image.containerfile.relative_to(image.context).as_posix(),
        "build_args": dict(sorted(image.build_args.items())),
        "platform": image.platform,
        "bases": {base: local_bases.get(base, "") for base in image.bases},
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for path, kind, content in files(image):
        digest.update(f"\0{kind}\0{path}\0{hashlib.sha256(content).hexdigest()}".encode())
    return TAG_PREFIX + digest.hexdigest()[:40]


def files(image: Image) -> Iterator[tuple[str, str, bytes]]:
    """Path, kind and content of what reaches the builder, in a fixed order. Times and owners do not count."""
    texts = (image.context / name for name in ignore.NAMES)
    rules = next((ignore.parse(text.read_text(encoding="utf-8")) for text in texts if text.is_file()), [])
    for folder, folders, names in os.walk(image.context):
        folders.sort()
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in sorted(names + links):
            path = Path(folder) / name
            relative = path.relative_to(image.context).as_posix()
            if path != image.containerfile and ignore.ignored(relative, rules):
                continue
            if path.is_symlink():
                yield relative, "link", os.readlink(path).encode()
            elif path.is_file():
                yield relative, "program" if os.access(path, os.X_OK) else "file", path.read_bytes()
