"""Archives written without a container engine: the self-extracting k3s, and images as docker-archive."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

SHEBANG: Final = b"#!/usr/bin/python3\n"
_EPOCH: Final = (2026, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Image:
    """An image of one layer that holds files and nothing else."""

    name: str
    files: Mapping[str, Path]
    entrypoint: Sequence[str]
    user: str = ""
    directories: Sequence[str] = field(default=("tmp",))


def file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _entry(name: str, size: int, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, mode
    return entry


def _layer(image: Image, target: Path) -> None:
    with tarfile.open(target, "w") as layer:
        for name in image.directories:
            directory = _entry(name, 0, 0o1777)
            directory.type = tarfile.DIRTYPE
            layer.addfile(directory)
        for name, source in sorted(image.files.items()):
            with source.open("rb") as stream:
                layer.addfile(_entry(name.lstrip("/"), source.stat().st_size, 0o755), stream)


def write_images(images: Sequence[Image], target: Path) -> None:
    """One docker-archive; images with the same files share their layer."""
    layers: dict[tuple[tuple[str, str], ...], str] = {}
    manifest: list[dict[str, Any]] = []
    partial = target.with_suffix(".partial")
    with tarfile.open(partial, "w") as archive:
        for image in images:
            key = tuple(sorted((name, str(path)) for name, path in image.files.items()))
            if key not in layers:
                layer = target.with_suffix(".layer")
                _layer(image, layer)
                layers[key] = file_digest(layer)
                with layer.open("rb") as stream:
                    archive.addfile(_entry(f"{layers[key]}/layer.tar", layer.stat().st_size, 0o644), stream)
                layer.unlink()
            digest = layers[key]
            content = json.dumps(
                {
                    "architecture": "amd64",
                    "os": "linux",
                    "created": "2026-01-01T00:00:00Z",
                    "config": {"Entrypoint": list(image.entrypoint), "User": image.user, "Env": ["PATH=/bin"]},
                    "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
                }
            ).encode()
            name = f"{hashlib.sha256(content).hexdigest()}.json"
            archive.addfile(_entry(name, len(content), 0o644), io.BytesIO(content))
            manifest.append({"Config": name, "RepoTags": [image.name], "Layers": [f"{digest}/layer.tar"]})
        content = json.dumps(manifest).encode()
        archive.addfile(_entry("manifest.json", len(content), 0o644), io.BytesIO(content))
    partial.replace(target)


def write_self_extracting(files: Mapping[str, Path | bytes], target: Path) -> None:
    """A zip that Python runs: stored, not compressed, since it is unpacked on every host."""
    partial = target.with_suffix(".partial")
    with partial.open("wb") as stream:
        stream.write(SHEBANG)
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
            for name, source in sorted(files.items()):
                entry = zipfile.ZipInfo(name, _EPOCH)
                entry.external_attr = (0o755 if name.startswith("bin/") else 0o644) << 16
                content = source if isinstance(source, bytes) else source.read_bytes()
                archive.writestr(entry, content)
    partial.chmod(0o755)
    partial.replace(target)
