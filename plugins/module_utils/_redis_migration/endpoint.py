"""Where a Redis server is and how it is reached; the password never leaves this object unasked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError

# The same suboptions for every module that is given a server.
ENDPOINT_OPTIONS: dict[str, dict[str, Any]] = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 6379},
    "username": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
    "tls": {"type": "bool", "default": True},
    "ca_file": {"type": "str", "default": ""},
}


@dataclass(frozen=True)
class Endpoint:
    """One server with the login that is used there. TLS is always verified in full; the only other way is none."""

    side: str  # "source" or "target": the word messages use
    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = True
    ca_file: str = ""  # "" is the trust store of the system

    @property
    def label(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def login(self) -> str:
        return self.username or "default"


def endpoint(side: str, given: Mapping[str, Any]) -> Endpoint:
    """Build an endpoint from a module's parameters; every fault at once."""
    texts = {key: str(given.get(key) or "") for key in ("host", "username", "password", "ca_file")}
    port = int(given.get("port") or 6379)
    tls = bool(given.get("tls", True))
    faults = [f"{side}.host is empty"] if not texts["host"] else []
    faults += [f"{side}.{key} holds a line break" for key, text in texts.items() if set(text) & {"\n", "\r", "\0"}]
    if not 0 < port < 65536:
        faults.append(f"{side}.port is {port}, a port is 1 to 65535")
    if texts["username"] and not texts["password"]:
        faults.append(f"{side}.username needs {side}.password")
    if texts["ca_file"] and not tls:
        faults.append(f"{side}.ca_file is given, but {side}.tls is off: nothing would be verified")
    if side == "target" and not tls:
        faults.append("target.tls is off: the target is a managed server, its leg is always verified")
    if faults:
        raise RedisMoveError("; ".join(faults))
    return Endpoint(side, texts["host"], port, texts["username"], texts["password"], tls, texts["ca_file"])
