"""What the controller itself needs to push to the local ECR under its real name: the name, and trust in its certificate.

Neither can be had from a file of our own: the engines read /etc/hosts and /etc/<engine>/certs.d only.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sandbox.engine import Engine
from sandbox.errors import SandboxError
from sandbox.files import write
from sandbox.settings import MINISTACK_ADDRESS, NAME, REGISTRY, Paths

HOSTS = Path("/etc/hosts")
MARK = f"# {NAME}"
TRUST = {"podman": Path("/etc/containers/certs.d"), "docker": Path("/etc/docker/certs.d")}


def with_name(text: str) -> str:
    return f"{without_name(text).rstrip()}\n{MINISTACK_ADDRESS} {REGISTRY} {MARK}\n"


def without_name(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.rstrip().endswith(MARK))


def put(text: str) -> None:
    """In place, not by a rename: in a container this file is a mount. Over what is there: a file that is emptied first has for a moment
    no localhost, which everything else on this machine asks for.
    """
    with HOSTS.open("r+b") as file:
        file.write(text.encode())
        file.flush()
        file.truncate()


def ensure(engine: Engine, paths: Paths) -> bool:
    known = HOSTS.read_text()
    trust = TRUST[engine.kind] / REGISTRY / "ca.crt"
    ca = paths.ca.read_text()
    named = known == with_name(known)
    if named and trust.exists() and trust.read_text() == ca:
        return False
    if os.geteuid() != 0:
        raise SandboxError(
            f"the name {REGISTRY} is not set up for pushes, and only root can do that",
            f'sudo sh -c \'echo "{MINISTACK_ADDRESS} {REGISTRY} {MARK}" >> {HOSTS}; mkdir -p {trust.parent}; '
            f"cp {paths.ca} {trust}'",
        )
    if not named:
        put(with_name(known))
    trust.parent.mkdir(parents=True, exist_ok=True)
    write(trust, ca, 0o644)
    return True


def remove() -> None:
    if os.geteuid() != 0:
        return
    known = HOSTS.read_text()
    if known != without_name(known):
        put(without_name(known))
    for folder in TRUST.values():
        shutil.rmtree(folder / REGISTRY, ignore_errors=True)
