"""SSH host keys as cloud-init prints them on the console of an instance."""

from __future__ import annotations

import base64
import binascii
import itertools
import struct
from typing import Any

BEGIN = "-----BEGIN SSH HOST KEY KEYS-----"
END = "-----END SSH HOST KEY KEYS-----"
KEY_TYPE = "ssh-ed25519"


def host_key(console: str) -> str:
    """Return '<type> <base64>' of the newest complete block, or '' while there is none."""
    found = ""
    for block in console.split(BEGIN)[1:]:
        body, end, _rest = block.partition(END)
        if not end:
            continue
        found = next((key for key in map(_key_in, body.splitlines()) if key), found)
    return found


def _key_in(line: str) -> str:
    """Find the ed25519 key in a console line, which may start with a kernel or cloud-init prefix."""
    words = line.split()
    for kind, blob in itertools.pairwise(words):
        if kind == KEY_TYPE and _is_ed25519(blob):
            return f"{kind} {blob}"
    return ""


def _is_ed25519(blob: str) -> bool:
    try:
        raw = base64.b64decode(blob, validate=True)
        length = struct.unpack(">I", raw[:4])[0]
    except (binascii.Error, struct.error, ValueError):
        return False
    return raw[4 : 4 + length] == KEY_TYPE.encode() and len(raw) == 4 + length + 4 + 32


def tail(console: Any, lines: int = 5) -> str:
    """Return the last lines of a console, for the message of a timeout."""
    kept = [line.rstrip() for line in str(console or "").splitlines() if line.strip()][-lines:]
    return "\n".join(kept) or "(the console is empty)"
