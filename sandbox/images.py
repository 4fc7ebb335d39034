"""The sandbox's images. Each is cached by the digest of what it is made from, its parent included."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.engine import Engine
from sandbox.settings import DIGEST_LABEL, IMAGE_PREFIX, IMAGE_SOURCES, REPOSITORY

Log = Callable[[str], None]
CA_BUNDLES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))
SKIPPED = {"__pycache__", ".mypy_cache", ".ruff_cache"}


@dataclass(frozen=True)
class Image:
    name: str
    parent: str
    tag: str = "current"
    extra: Mapping[str, Path] = field(default_factory=dict)  # name in the build context -> file or directory

    @property
    def reference(self) -> str:
        return f"{IMAGE_PREFIX}/{self.name}:{self.tag}"

    @property
    def source(self) -> Path:
        return IMAGE_SOURCES / self.name


PYTHON = Image("python", "base", "3.11")
HOST_OS = Image("host-os", "base")
LEGACY = Image("legacy", "host-os", extra={"database": REPOSITORY / "examples" / "tiketi" / "database"})
POSTGRES = Image("postgres", "base", "15-alpine")  # the two names MiniStack looks for
REDIS = Image("redis", "base", "7-alpine")
MINISTACK = Image("ministack", "python", extra={"ministack_compat": REPOSITORY / "sandbox" / "ministack_compat"})
FIXED = (PYTHON, HOST_OS, MINISTACK, POSTGRES, REDIS, LEGACY)


def host(artifact: Path | None) -> Image:
    return Image("host", "host-os", extra={"artifact": artifact} if artifact else {})


def files(directory: Path) -> Iterator[Path]:
    """The files below a directory, in a fixed order."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not SKIPPED.intersection(path.parts):
            yield path


def digest_of(parent: str, sources: Mapping[str, Path]) -> str:
    """A digest over the parent's digest and every file: name, executable bit, content."""
    total = hashlib.sha256(parent.encode())
    for name, source in sorted(sources.items()):
        for path in [source] if source.is_file() else files(source):
            relative = "" if path == source else str(path.relative_to(source))
            executable = bool(path.stat().st_mode & 0o100)
            total.update(f"\0{name}/{relative}\0{executable}\0".encode())
            with path.open("rb") as stream:
                total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()[:16]


def current_digest(engine: Engine, reference: str) -> str:
    """The digest an image was made from; empty where there is no such image."""
    template = f'{{{{index .Config.Labels "{DIGEST_LABEL}"}}}}'
    done = engine.run("image", "inspect", "--format", template, reference, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def ensure(engine: Engine, image: Image, parent_reference: str, log: Log) -> bool:
    """Build the image unless one of the same inputs is there; say whether it was built."""
    parent_digest = current_digest(engine, parent_reference)
    digest = digest_of(parent_digest, {"": image.source, **image.extra})
    if current_digest(engine, image.reference) == digest:
        return False
    log(f"building image {image.name}")
    before = engine.inspect("image", image.reference)
    with tempfile.TemporaryDirectory(prefix="tiketi-sandbox-") as folder:
        context = Path(folder) / "context"
        shutil.copytree(image.source, context, symlinks=True)
        for name, source in image.extra.items():
            _place(source, context / name)
        engine.run(
            "build", "--quiet", "--network", "host", "--build-arg", f"BASE={parent_reference}",
            "--label", f"{DIGEST_LABEL}={digest}", *_ca_secret(),
            "--tag", image.reference, context,
        )  # fmt: skip
    if before is not None:
        engine.run("image", "rm", before["Id"], check=False)  # what still uses it keeps it
    return True


def _place(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copy2(source, target)
    else:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*SKIPPED))


def ca_bundle() -> Path | None:
    return next((path for path in CA_BUNDLES if path.exists()), None)


def _ca_secret() -> list[str]:
    """The builder's CA bundle, for networks that look into TLS; a build secret leaves no trace in the image."""
    bundle = ca_bundle()
    return ["--secret", f"id=ca,src={bundle}"] if bundle else []
