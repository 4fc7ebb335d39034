"""Bootstrap data at rest: sealed by a key made from the server token, as K3s does."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX: Final = "/bootstrap"
_ROUNDS: Final = 4096


def key_name(token: str) -> str:
    return f"{PREFIX}/{hashlib.sha256(token.encode()).hexdigest()[:12]}"


def _key(token: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", token.encode(), salt, _ROUNDS)


def seal(token: str, files: Mapping[str, str]) -> bytes:
    salt, nonce = os.urandom(16), os.urandom(12)
    return salt + nonce + AESGCM(_key(token, salt)).encrypt(nonce, json.dumps(dict(files)).encode(), None)


def unseal(token: str, sealed: bytes) -> dict[str, str] | None:
    """The files, or nothing when the token is not the one they were sealed with."""
    salt, nonce, content = sealed[:16], sealed[16:28], sealed[28:]
    try:
        files: dict[str, str] = json.loads(AESGCM(_key(token, salt)).decrypt(nonce, content, None))
    except InvalidTag:
        return None
    return files
