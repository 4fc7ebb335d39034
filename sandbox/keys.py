"""The key pair with which the controller enters the hosts."""

from __future__ import annotations

from sandbox import shell
from sandbox.settings import NAME, Paths


def ensure(paths: Paths) -> bool:
    if paths.private_key.exists() and paths.public_key.exists():
        return False
    paths.private_key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths.private_key.unlink(missing_ok=True)
    shell.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", NAME, "-f", paths.private_key])
    return True
