"""What this machine lacks for the sandbox, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox import base_image, engine, k3s, net, shell
from sandbox.settings import DEBIAN_MIRROR, REPOSITORY, Paths

GIB = 1 << 30
DISK_GIB, MEMORY_GIB, GO_MINOR = 20, 6, 24  # images, builds and three hosts; hosts of about 1 GiB; Kubernetes 1.34
PYPI = "https://pypi.org/simple/pip/"
GO_PROXY = "https://proxy.golang.org/k8s.io/api/@v/list"


@dataclass(frozen=True)
class Check:
    name: str
    good: bool
    found: str
    mend: str = ""
    needed: bool = True


def examine(paths: Paths) -> list[Check]:
    release = k3s.release_reached()
    checks: list[Callable[[], Iterator[Check]]] = [
        _system,
        lambda: _engine(paths),
        _space,
        lambda: _network(release),
        lambda: _go(needed=not release),
    ]
    return [check for group in checks for check in group()]


def _system() -> Iterator[Check]:
    system = platform.system()
    yield Check("system", system == "Linux", f"{system} {platform.release()}", "use a Linux machine or virtual machine")
    root = os.geteuid() == 0
    yield Check(
        "user",
        root,
        "root" if root else "not root",
        "run as root: Podman needs it for privileged hosts, and pushes to the local ECR need a name in /etc/hosts",
        needed=shutil.which("docker") is None,
    )
    client = shutil.which("ssh") or ""
    yield Check("ssh", bool(client), client or "missing", "apt-get install openssh-client")


def _engine(paths: Paths) -> Iterator[Check]:
    found = engine.find(paths)
    if found is not None:
        yield Check("container engine", True, f"{found.kind} {found.version}")
        return
    able = engine.can_install()
    yield Check(
        "container engine",
        able,
        "none; `up` installs Podman" if able else "none",
        f"install Docker, or as root: apt-get install {' '.join(engine.PACKAGES)}",
    )


def _space() -> Iterator[Check]:
    free = shutil.disk_usage(REPOSITORY).free / GIB
    yield Check("disk", free >= DISK_GIB, f"{free:.0f} GiB free", f"{DISK_GIB} GiB are needed for images and builds")
    memory = available_memory(Path("/proc/meminfo").read_text()) / GIB
    yield Check(
        "memory", memory >= MEMORY_GIB, f"{memory:.0f} GiB available", f"{MEMORY_GIB} GiB are needed for the hosts"
    )
    yield Check("processors", (os.cpu_count() or 1) >= 2, str(os.cpu_count()), "two make it bearable", needed=False)


def available_memory(meminfo: str) -> int:
    """In bytes."""
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def _network(release: bool) -> Iterator[Check]:
    hub = net.reached(base_image.REGISTRY)
    yield Check("Docker Hub", hub, _reach(hub), "not needed: the Debian base is made by debootstrap", needed=False)
    yield Check("K3s releases", release, _reach(release), "not needed: the K3s stand-in is built instead", needed=False)
    debian = net.reached(f"{DEBIAN_MIRROR}/dists/bookworm/Release")
    yield Check(
        "Debian mirror", debian, _reach(debian), f"let {DEBIAN_MIRROR} through: all images are made from its packages"
    )
    pypi = net.reached(os.environ.get("PIP_INDEX_URL") or PYPI)
    yield Check("PyPI", pypi, _reach(pypi), "let pypi.org through, or set PIP_INDEX_URL: MiniStack comes from there")


def _go(*, needed: bool) -> Iterator[Check]:
    path = shutil.which("go")
    version = shell.output(["go", "env", "GOVERSION"]) if path else ""
    good = go_minor(version) >= GO_MINOR
    mend = f"install Go 1.{GO_MINOR} or newer (https://go.dev/dl): the K3s stand-in is built with it"
    yield Check("Go", good, version or "missing", mend, needed)
    proxy = net.reached(GO_PROXY)
    yield Check("Go module proxy", proxy, _reach(proxy), "let proxy.golang.org through, or set GOPROXY", needed)


def go_minor(version: str) -> int:
    parts = version.removeprefix("go").split(".")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0


def _reach(reached: bool) -> str:
    return "reached" if reached else "not reached"
