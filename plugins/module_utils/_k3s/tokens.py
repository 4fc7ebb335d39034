"""Join tokens: their forms, their faults, and keeping them out of what is printed."""

from __future__ import annotations

import hashlib
import re

MASK = "********"
_SECURE = re.compile(r"^K10([0-9a-f]{64})::([a-z]+):(.+)$")
_SECURE_ANYWHERE = re.compile(r"K10[0-9a-f]{64}::\S+")
_SAFE = re.compile(r"^[A-Za-z0-9._~-]+$")
MINIMUM = 16


def ca_hash(pem: bytes) -> str:
    """The hash that the K10 form carries for one CA certificate: of the file as the server hands it out."""
    return hashlib.sha256(pem).hexdigest()


def secure(ca: str, user: str, password: str) -> str:
    """The form that makes the joining node verify the server's CA before it sends the password."""
    return f"K10{ca}::{user}:{password}"


def password(token: str) -> str:
    found = _SECURE.match(token.strip())
    return found.group(3) if found else token.strip()


def pinned_ca(token: str) -> str:
    found = _SECURE.match(token.strip())
    return found.group(1) if found else ""


def faults(role: str, token: str, agent_token: str) -> list[str]:
    named = [("k3s_common_agent_token", agent_token)]
    if role == "server":
        named.insert(0, ("k3s_common_token", token))
    found = []
    for name, value in named:
        if not value:
            found.append(f"{name} is empty; set it, or put it into the secret that k3s_common_secret names")
        elif value.startswith("K10"):
            found.append(f"{name} is in the K10 form; give the short form, the CA hash is added on the host")
        elif len(value) < MINIMUM or not _SAFE.match(value):
            found.append(f"{name} needs at least {MINIMUM} characters out of A-Z a-z 0-9 . _ ~ -")
    if role == "server" and token and token == agent_token:
        found.append("k3s_common_agent_token equals k3s_common_token; an agent must not hold the server's token")
    return found


def scrub(text: str, secrets: list[str]) -> str:
    """The text without any of the secrets, nor any token in the K10 form."""
    text = _SECURE_ANYWHERE.sub(MASK, text)
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return text
