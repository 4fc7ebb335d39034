"""Passwords and tokens, from the standard library."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import time
from typing import Any

_N, _R, _P = 2**14, 8, 1


def hash_password(password: str, salt: bytes | None = None) -> str:
    salt = salt or os.urandom(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P)
    return f"scrypt${_N}${_R}${_P}${_b64(salt)}${_b64(digest)}"


def check_password(password: str, stored: str | None) -> bool:
    """Take as long for an unknown account as for a wrong password."""
    parts = (stored or "").split("$")
    if len(parts) != 6 or parts[0] != "scrypt":
        hash_password(password)
        return False
    n, r, p = (int(part) for part in parts[1:4])
    digest = hashlib.scrypt(password.encode(), salt=_unb64(parts[4]), n=n, r=r, p=p)
    return hmac.compare_digest(digest, _unb64(parts[5]))


def sign(key: str, kind: str, claims: dict[str, Any], seconds: int) -> str:
    payload = _b64(json.dumps({"kind": kind, "exp": int(time.time()) + seconds, **claims}).encode())
    return f"{payload}.{_b64(_mac(key, payload))}"


def verify(key: str, kind: str, token: str) -> dict[str, Any] | None:
    """The claims, or None for any token that is not ours, not of this kind or too old."""
    payload, _, signature = token.partition(".")
    try:
        if not hmac.compare_digest(_mac(key, payload), _unb64(signature)):
            return None
        claims: dict[str, Any] = json.loads(_unb64(payload))
    except (binascii.Error, ValueError):
        return None
    if claims.get("kind") != kind or claims.get("exp", 0) < time.time():
        return None
    return claims


def _mac(key: str, payload: str) -> bytes:
    return hmac.new(key.encode(), payload.encode(), hashlib.sha256).digest()


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
