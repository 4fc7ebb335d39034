"""Join tokens: the secure form K10<hash of the CA>::<user>:<password>, the short form, bootstrap tokens."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from . import log

SERVER: Final = "server"
NODE: Final = "node"
_SECURE: Final = re.compile(r"^K10([0-9a-f]{64})::(.+)$", re.DOTALL)
_BOOTSTRAP: Final = re.compile(r"^[a-z0-9]{6}\.[a-z0-9]{16}$")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(h|m|s)")
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Token:
    """A token as given: the hash pins the cluster's CA, the user says what it may join."""

    password: str
    user: str = ""
    ca_hash: str = ""

    @property
    def bootstrap(self) -> bool:
        return not self.user and bool(_BOOTSTRAP.match(self.password))


def parse(text: str) -> Token:
    text = text.strip()
    if not text:
        raise log.FatalError("token is required")
    ca_hash = ""
    if text.startswith("K10"):
        found = _SECURE.match(text)
        if not found:
            raise log.FatalError("invalid token CA hash length")
        ca_hash, text = found.groups()
    user, colon, password = text.partition(":")
    if not colon:
        return Token(password=user, ca_hash=ca_hash)
    if not password:
        raise log.FatalError("invalid token format")
    return Token(password=password, user=user, ca_hash=ca_hash)


def ca_hash(certificate: bytes) -> str:
    return hashlib.sha256(certificate).hexdigest()


def secure(certificate: bytes, user: str, password: str) -> str:
    credential = password if _BOOTSTRAP.match(password) and not user else f"{user}:{password}"
    return f"K10{ca_hash(certificate)}::{credential}"


def check_ca(token: Token, certificate: bytes) -> None:
    """Refuse a server whose CA is not the one the token was made for, before a credential is sent."""
    if not token.ca_hash:
        return
    found = ca_hash(certificate)
    if not secrets.compare_digest(found, token.ca_hash):
        raise log.FatalError(
            f"token CA hash does not match the Cluster CA certificate hash: {token.ca_hash} != {found}"
        )


def authorize(user: str, password: str, server_token: str, agent_token: str) -> str:
    """What a user and password may join: "server" (also as a node), "node", or nothing."""
    if secrets.compare_digest(password.encode(), server_token.encode()) and user in (SERVER, NODE, ""):
        return SERVER if user == SERVER else NODE
    if agent_token and secrets.compare_digest(password.encode(), agent_token.encode()) and user != SERVER:
        return NODE
    return ""


def new_bootstrap() -> str:
    pick = secrets.choice
    return "".join(pick(_ALPHABET) for _ in range(6)) + "." + "".join(pick(_ALPHABET) for _ in range(16))


def is_bootstrap(text: str) -> bool:
    return bool(_BOOTSTRAP.match(text))


def duration(text: str) -> timedelta:
    """A Go duration such as 24h0m0s; 0 means for ever."""
    if text.strip() == "0":
        return timedelta()
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise log.FatalError(f'time: invalid duration "{text}"')
    seconds = {"h": 3600, "m": 60, "s": 1}
    return timedelta(seconds=sum(float(number) * seconds[unit] for number, unit in parts))


def expired(expiration: str, now: datetime | None = None) -> bool:
    if not expiration:
        return False
    return datetime.fromisoformat(expiration.replace("Z", "+00:00")) <= (now or datetime.now(UTC))
