"""Podman or Docker, whichever is there, by its command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._container_image.errors import ImageError
from ansible_collections.tiketi.platform.plugins.module_utils._container_image.plan import Build

ENGINES = ("podman", "docker")
# Every file of a layer gets this time, so that the same content gives the same layer.
EPOCH = "315532800"
LAST_LINES = 20

Run = Callable[[Sequence[str], Mapping[str, str]], "subprocess.CompletedProcess[str]"]


def run(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )


@dataclass(frozen=True)
class Access:
    """How to get into a registry."""

    token: str  # base64 of user and password
    host: str  # where to push, when that is not the host of the reference


@dataclass(frozen=True)
class Options:
    """How to build, for all images of a call."""

    network: str = ""
    ca_bundle: str = ""


class Engine:
    def __init__(self, name: str, run: Run = run) -> None:
        self.name, self._run = name, run

    def image_id(self, reference: str) -> str:
        result = self._run([self.name, "image", "inspect", "--format", "{{.Id}}", reference], {})
        if result.returncode:
            raise ImageError(
                f"The base image {reference} is not on this machine. Mend: build it first, or name one of a registry."
            )
        return result.stdout.strip()

    def build(self, build: Build, options: Options) -> None:
        image = build.image
        command = [self.name, "build", "--file", str(image.containerfile), "--platform", image.platform]
        if self.name == "podman":
            # No layer is kept: nothing is left behind, and nothing old gets in.
            command += ["--timestamp", EPOCH, "--layers=false", "--force-rm"]
        for key, value in sorted(image.build_args.items()):
            command += ["--build-arg", f"{key}={value}"]
        if options.network:
            command += ["--network", options.network]
        if options.ca_bundle:
            command += ["--secret", f"id=ca-bundle,src={options.ca_bundle}"]
        for reference in build.references:
            command += ["--tag", reference]
        self._must(
            [*command, str(image.context)],
            f"building {image.name}",
            {"SOURCE_DATE_EPOCH": EPOCH, "DOCKER_BUILDKIT": "1"},
        )

    def push(self, reference: str, access: Access) -> None:
        own, _, path = reference.partition("/")
        host = access.host or own
        target = f"{host}/{path}"
        with _credentials(host, access.token) as file:
            if self.name == "podman":
                command = ["podman", "push", "--quiet", "--authfile", str(file), reference, f"docker://{target}"]
            else:
                command = ["docker", "--config", str(file.parent), "push", "--quiet", target]
                if target != reference:
                    self._must(["docker", "tag", reference, target], f"naming {target}")
            self._must(command, f"pushing {target}")

    def forget(self, references: Sequence[str], access: Access | None = None) -> None:
        """What is in the registry need not stay here; that it cannot be removed harms nobody."""
        host = access.host if access else ""
        others = [f"{host}/{reference.partition('/')[2]}" for reference in references if host]
        self._run([self.name, "rmi", "--force", *references, *others], {})

    def _must(self, command: Sequence[str], what: str, environment: Mapping[str, str] | None = None) -> None:
        result = self._run(command, environment or {})
        if result.returncode:
            last = "\n".join(result.stdout.strip().splitlines()[-LAST_LINES:])
            raise ImageError(f"{self.name} failed {what} with exit code {result.returncode}:\n{last}")


def find(wanted: str, run: Run = run, which: Callable[[str], str | None] = shutil.which) -> Engine:
    """The wanted engine, or with "auto" the first that works; the reasons of all where none does."""
    reasons = []
    for name in ENGINES if wanted == "auto" else (wanted,):
        if which(name) is None:
            reasons.append(f"{name} is not installed")
            continue
        result = run([name, "version"], {})
        if result.returncode == 0:
            return Engine(name, run)
        reasons.append(f"{name} does not work: {(result.stdout.strip().splitlines() or ['no output'])[-1]}")
    raise ImageError(
        f"No container engine to build with: {'; '.join(reasons)}. "
        "Mend: install podman or docker on the controller, and let this user run it."
    )


@contextmanager
def _credentials(host: str, token: str) -> Iterator[Path]:
    """A file that both engines read, for the time of a push: never argv, and not the user's own login."""
    with tempfile.TemporaryDirectory(prefix="container-image-") as folder:
        path = Path(folder) / "config.json"
        text = json.dumps({"auths": {host: {"auth": token}}})
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        yield path
