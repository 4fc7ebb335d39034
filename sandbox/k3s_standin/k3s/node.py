"""What a host knows about itself as a node: name, address, password."""

from __future__ import annotations

import hashlib
import secrets
import socket

from . import layout, log
from .config import Config

REJECTED = (
    "Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' may not match "
    "server node-passwd entry, try enabling a unique node name with the --with-node-id flag"
)


def name(config: Config) -> str:
    own = (config.text("node-name") or socket.gethostname()).lower()
    if not config.flag("with-node-id"):
        return own
    if not layout.NODE_ID.exists():
        layout.write(layout.NODE_ID, secrets.token_hex(4))
    return f"{own}-{layout.NODE_ID.read_text().strip()}"


def address(config: Config) -> str:
    given = config.values("node-ip")
    if given:
        return given[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: the kernel only says which source address its default route would use.
            probe.connect(("192.0.2.1", 9))
        except OSError as fault:
            raise log.FatalError(f"no default routes found: unable to select an IP: {fault.strerror}") from fault
        return str(probe.getsockname()[0])


def password() -> str:
    if not layout.NODE_PASSWORD.exists():
        layout.write(layout.NODE_PASSWORD, secrets.token_hex(16) + "\n")
    return layout.NODE_PASSWORD.read_text().strip()


def hash_password(text: str, salt: bytes | None = None) -> str:
    salt = salt or secrets.token_bytes(8)
    digest = hashlib.scrypt(text.encode(), salt=salt, n=4096, r=8, p=1)
    return f"$1:{salt.hex()}:{digest.hex()}"


def verify_password(text: str, stored: str) -> bool:
    kind, _, rest = stored.partition(":")
    salt, _, _ = rest.partition(":")
    return kind == "$1" and secrets.compare_digest(hash_password(text, bytes.fromhex(salt)), stored)
