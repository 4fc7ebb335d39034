"""SCRAM-SHA-256 verifiers as PostgreSQL keeps them (RFC 5802, 7677; SASLprep of RFC 4013), so that no password is sent. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import stringprep
import unicodedata

ITERATIONS = 4096
PREFIX = "SCRAM-SHA-256$"
PROHIBITED = (
    stringprep.in_table_c12, stringprep.in_table_c21_c22, stringprep.in_table_c3, stringprep.in_table_c4, stringprep.in_table_c5,
    stringprep.in_table_c6, stringprep.in_table_c7, stringprep.in_table_c8, stringprep.in_table_c9, stringprep.in_table_a1,
)  # fmt: skip


def prepared(password: str) -> str:
    """As the server and libpq do it: what SASLprep refuses is taken as it is."""
    if password.isascii():
        return password
    # A space first, as the server does it: U+200B is in both tables.
    mapped = "".join(
        " " if stringprep.in_table_c12(one) else one
        for one in password
        if stringprep.in_table_c12(one) or not stringprep.in_table_b1(one)
    )
    normal = unicodedata.normalize("NFKC", mapped)
    if not normal or any(table(one) for one in normal for table in PROHIBITED):
        return password
    if any(stringprep.in_table_d1(one) for one in normal):  # right to left: all of it, and both ends
        ends = stringprep.in_table_d1(normal[0]) and stringprep.in_table_d1(normal[-1])
        if not ends or any(stringprep.in_table_d2(one) for one in normal):
            return password
    return normal


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _build(password: str, salt: bytes, iterations: int) -> str:
    salted = hashlib.pbkdf2_hmac("sha256", prepared(password).encode(), salt, iterations)
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"{PREFIX}{iterations}:{_text(salt)}${_text(client)}:{_text(server)}"


def verifier(password: str) -> str:
    return _build(password, secrets.token_bytes(16), ITERATIONS)


def matches(password: str, kept: str) -> bool:
    """Whether the server's verifier is of this password."""
    if not kept.startswith(PREFIX):
        return False
    try:
        iterations, salt = kept.split("$")[1].split(":")
        again = _build(password, base64.b64decode(salt, validate=True), int(iterations))
    except (ValueError, IndexError):
        return False
    return hmac.compare_digest(again.encode(), kept.encode())
