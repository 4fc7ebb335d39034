"""The container engine of this host and its compose: the only place that runs their commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._compose.errors import ComposeError
from ansible_collections.tiketi.platform.plugins.module_utils._compose.model import Container
from ansible_collections.tiketi.platform.plugins.module_utils._compose.render import DEFINITION_LABEL, PROJECT_LABEL

TAIL = 20
LONG = 900.0  # an image may be large


@dataclass(frozen=True)
class Engine:
    kind: str  # docker or podman
    version: str
    compose: tuple[str, ...]
    compose_version: str

    def run(self, *arguments: str, check: bool = True, seconds: float = LONG) -> subprocess.CompletedProcess[str]:
        return _run([self.kind, *arguments], check, seconds)

    def containers(self, project: str) -> dict[str, Container]:
        listed = self.run("ps", "--all", "--filter", f"label={PROJECT_LABEL}={project}", "--format", "{{.Names}}")
        names = listed.stdout.split()
        return {one.name: one for one in map(_container, self.inspect(*names))}

    def inspect(self, *names: str) -> list[dict[str, Any]]:
        if not names:
            return []
        done = self.run("inspect", "--type", "container", *names, check=False)
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
        return found

    def container(self, name: str) -> Container | None:
        found = self.inspect(name)
        return _container(found[0]) if found else None

    def has_image(self, reference: str) -> bool:
        return self.run("image", "inspect", "--format", "{{.Id}}", reference, check=False).returncode == 0

    def pull(self, reference: str) -> None:
        done = self.run("pull", "--quiet", reference, check=False)
        if done.returncode:
            raise ComposeError(
                f"{self.kind} cannot pull {reference}: {_last(done.stderr)}. "
                "Mend: the name of the image, the host's role for ECR (role identity), or the network."
            )

    def logs(self, name: str) -> list[str]:
        done = self.run("logs", "--tail", str(TAIL), name, check=False, seconds=30)
        return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-TAIL:]

    def remove(self, name: str, grace: int) -> None:
        """Stop with time to finish what is under way, then remove; the volumes stay."""
        self.run("stop", "--time", str(grace), name, check=False, seconds=grace + 60)
        self.run("rm", "--force", name)

    def up(self, project: str, file: str, unit: str) -> None:
        done = _run([*self.compose, "--project-name", project, "--file", file, "up", "--detach", unit], False, LONG)
        # Not every podman-compose passes the result of podman on.
        current = self.container(f"{project}-{unit}")
        if done.returncode or current is None:
            raise ComposeError(f"{' '.join(self.compose)} could not start {unit} of {project}: {_last(done.stderr)}")


def docker_version() -> str:
    """Version of a Docker Engine that answers, with compose or without; empty where none does."""
    if not shutil.which("docker", path=PATH):
        return ""
    server = _run(["docker", "version", "--format", "{{.Server.Version}}"], False, 30)
    return server.stdout.strip() if server.returncode == 0 else ""


def find() -> Engine | None:
    """Docker Engine with its compose plugin, else Podman with podman-compose, else none."""
    if version := docker_version():
        plugin = _run(["docker", "compose", "version", "--short"], False, 30)
        if plugin.returncode == 0:
            return Engine("docker", version, ("docker", "compose"), plugin.stdout.strip())
    if shutil.which("podman", path=PATH) and shutil.which("podman-compose", path=PATH):
        podman = _run(["podman", "version", "--format", "{{.Client.Version}}"], False, 30)
        said = _run(["podman-compose", "--version"], False, 30).stdout
        match = re.search(r"podman-compose version:?\s*(\S+)", said)
        if podman.returncode == 0:
            return Engine("podman", podman.stdout.strip(), ("podman-compose",), match.group(1) if match else "?")
    return None


PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _run(argv: Sequence[str], check: bool, seconds: float) -> subprocess.CompletedProcess[str]:
    # HOME is where both engines find the credential helper; a caller's own environment must not lead them elsewhere.
    environment = {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}
    environment |= {name: value for name, value in os.environ.items() if name.lower() in ("https_proxy", "no_proxy")}
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=seconds, env=environment, cwd="/",
            stdin=subprocess.DEVNULL, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ComposeError(f"{' '.join(argv[:3])} did not end within {seconds:g} s") from None
    if check and done.returncode:
        raise ComposeError(f"{' '.join(argv[:3])} ended with {done.returncode}: {_last(done.stderr)}")
    return done


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-3:]) or "it said nothing"


def _container(found: dict[str, Any]) -> Container:
    labels = (found.get("Config") or {}).get("Labels") or {}
    return Container(
        name=str(found["Name"]).lstrip("/"),
        running=bool(found["State"].get("Running")),
        definition=str(labels.get(DEFINITION_LABEL, "")),
        image=str((found.get("Config") or {}).get("Image", "")),
        restarts=int(found.get("RestartCount") or 0),
    )
