"""Encryption of Secrets at rest, decided at the first start of a cluster."""

from __future__ import annotations

import base64
import json
import secrets
from datetime import UTC, datetime
from typing import Any, Final

from . import log
from .layout import Layout, write

PROVIDERS: Final = ("aescbc", "secretbox")


def configuration(provider: str) -> dict[str, Any]:
    if provider not in PROVIDERS:
        raise log.FatalError(f"unsupported secrets-encryption-provider {provider}, must be one of {PROVIDERS}")
    name = f"{provider}key-{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}".lower().replace(":", "-")
    key = {"name": name, "secret": base64.b64encode(secrets.token_bytes(32)).decode()}
    resource = {"resources": ["secrets"], "providers": [{provider: {"keys": [key]}}, {"identity": {}}]}
    return {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": [resource]}


def ensure(paths: Layout, provider: str) -> None:
    path = paths.cred / "encryption-config.json"
    if not path.exists():
        write(path, json.dumps(configuration(provider)))


def status(paths: Layout) -> str:
    """The words of `k3s secrets-encrypt status`."""
    path = paths.cred / "encryption-config.json"
    if not path.exists():
        return "Encryption Status: Disabled, no configuration file found"
    providers = json.loads(path.read_text())["resources"][0]["providers"]
    first, settings = next(iter(providers[0].items()))
    if first == "identity":
        return "Encryption Status: Disabled"
    kind = {"aescbc": "AES-CBC", "secretbox": "XSalsa20-POLY1305"}[first]
    lines = [
        "Encryption Status: Enabled",
        "Current Rotation Stage: start",
        "Server Encryption Hashes: All hashes match",
        "",
        f"{'Active':<8}{'Key Type':<19}Name",
        f"{'------':<8}{'--------':<19}----",
    ]
    for position, key in enumerate(settings["keys"]):
        lines.append(f"{' *' if position == 0 else '':<8}{kind:<19}{key['name']}")
    return "\n".join(lines)
