"""Where a database is and how it is reached; the password never leaves this object unasked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError

VERIFIED = "verify-full"
SSL_MODES = ("disable", "require", "verify-ca", VERIFIED)

# The same suboptions for every module that is given a database.
ENDPOINT_OPTIONS: dict[str, dict[str, Any]] = {
    "host": {"type": "str", "required": True},
    "port": {"type": "int", "default": 5432},
    "dbname": {"type": "str", "required": True},
    "username": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
}


@dataclass(frozen=True)
class Endpoint:
    """One database on one server, with the login that is used there."""

    side: str  # "source" or "target": the word messages use
    host: str
    port: int
    dbname: str
    username: str
    password: str = field(repr=False)
    sslmode: str = VERIFIED
    ca_file: str = ""

    @property
    def label(self) -> str:
        return f"{self.host}:{self.port}/{self.dbname}"

    @property
    def verified(self) -> bool:
        return self.sslmode == VERIFIED

    def parameters(self) -> dict[str, str]:
        """libpq's keywords without the password."""
        known = {
            "host": self.host,
            "port": str(self.port),
            "dbname": self.dbname,
            "user": self.username,
            "sslmode": self.sslmode,
        }
        if self.ca_file:
            known["sslrootcert"] = self.ca_file
        return known


def endpoint(side: str, given: Mapping[str, Any], sslmode: str, ca_file: str) -> Endpoint:
    """Build an endpoint from a module's parameters; every fault at once."""
    faults = [
        f"{side}.{key} is empty" for key in ("host", "dbname", "username", "password") if not str(given.get(key) or "")
    ]
    faults += [
        f"{side}.{key} holds a line break"
        for key, value in given.items()
        if isinstance(value, str) and ("\n" in value or "\r" in value or "\0" in value)
    ]
    if sslmode in ("verify-ca", VERIFIED) and not ca_file:
        faults.append(f"{side}: sslmode {sslmode} needs the file of the certificate authority ({side}_ca_file)")
    if faults:
        raise PgError("; ".join(faults))
    return Endpoint(
        side=side,
        host=str(given["host"]),
        port=int(given.get("port") or 5432),
        dbname=str(given["dbname"]),
        username=str(given["username"]),
        password=str(given["password"]),
        sslmode=sslmode,
        ca_file=ca_file,
    )
