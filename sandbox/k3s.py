"""Which K3s the hosts get: the pinned release where it is served, else the stand-in. The choice is printed."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from sandbox import net
from sandbox.errors import SandboxError
from sandbox.images import Log
from sandbox.settings import REPOSITORY, Paths

PINS = REPOSITORY / "roles" / "k3s_common" / "defaults" / "main.yml"
BUILDER = "sandbox.k3s_standin.build"
IMAGES = "k3s-airgap-images.tar"
PROVIDER = "ecr-credential-provider"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
IN_IMAGE = "/opt/artifacts/k3s"  # a directory; the binary in it is called k3s, as in a release


@dataclass(frozen=True)
class Source:
    description: str
    built: bool = False
    artifact: Path | None = None  # a directory for the host image
    variables: Mapping[str, Any] = field(default_factory=dict)


def pinned() -> dict[str, Any]:
    """The version that the role installs by default, and where its binary for this machine is."""
    defaults = yaml.safe_load(PINS.read_text(encoding="utf-8"))
    version, arch = defaults["k3s_common_version"], ARCHITECTURES.get(platform.machine(), platform.machine())
    names = {"version": quote(version, safe=""), "arch": arch, "suffix": "" if arch == "amd64" else f"-{arch}"}
    urls = [url.format(**names) for url in defaults["k3s_common_urls"]]
    return {"k3s_common_version": version, "k3s_common_urls": urls}


def release_reached() -> bool:
    """The file counts, not the page: a proxy may let the page through and not the host that the file comes from."""
    return any(net.served(url) for url in pinned()["k3s_common_urls"])


def source(paths: Paths, log: Log) -> Source:
    if release_reached():
        return Source(f"K3s {pinned()['k3s_common_version']} from its release page")
    if importlib.util.find_spec(BUILDER) is None:
        return Source("no K3s: the release is not reached and the stand-in is not there")
    artifact = importlib.import_module(BUILDER).build(paths.cache / "k3s", log)
    if artifact is None:
        raise SandboxError("the K3s stand-in could not be built", "python -m sandbox doctor")
    directory, machine = paths.cache / "artifact", platform.machine()
    parts = {"k3s": artifact.path, IMAGES: artifact.images_tar, PROVIDER: artifact.credential_provider}
    changed = _gather(directory, parts)
    architecture = ARCHITECTURES.get(machine, machine)
    return Source(
        f"K3s stand-in {artifact.version} (the release is not reached)",
        changed,
        directory,
        {
            "k3s_common_urls": [f"file://{IN_IMAGE}/k3s"],
            "k3s_common_sha256": {architecture: artifact.sha256},
            "k3s_common_images": [{"url": f"file://{IN_IMAGE}/{IMAGES}", "sha256": artifact.images_sha256}],
            "k3s_common_credential_provider": {
                "urls": [f"file://{IN_IMAGE}/{PROVIDER}"],
                "sha256": {architecture: artifact.credential_provider_sha256},
            },
            "k3s_common_version": artifact.version,
        },
    )


def _gather(directory: Path, parts: Mapping[str, Path | None]) -> bool:
    """The artifact's files side by side, as hard links: they are large."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = {name: Path(path) for name, path in parts.items() if path is not None}
    changed = False
    for old in directory.iterdir():
        if old.name not in wanted:
            old.unlink()
            changed = True
    for name, path in wanted.items():
        target = directory / name
        if target.exists() and target.samefile(path):
            continue
        target.unlink(missing_ok=True)
        try:
            os.link(path, target)
        except OSError:
            shutil.copy2(path, target)
        changed = True
    return changed
