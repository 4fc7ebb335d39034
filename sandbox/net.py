"""What the network lets us reach."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request
from functools import cache

PATIENCE = 4.0


@cache
def reached(url: str) -> bool:
    """Whether a server answers there at all: refusing us (401) is an answer, a proxy's refusal (403, 407, 5xx) is not."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - addresses of our own choice
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE):  # noqa: S310
            return True
    except urllib.error.HTTPError as error:
        return error.code in (401, 404, 405)
    except (OSError, ValueError):
        return False


@cache
def served(url: str) -> bool:
    """Whether the file itself comes, over every redirect: its first byte is read, for some hosts of files refuse HEAD."""
    request = urllib.request.Request(url, headers={"Range": "bytes=0-0"})  # noqa: S310 - addresses of our own choice
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            return len(answer.read(1)) == 1
    except (OSError, ValueError):
        return False


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
        body: bytes = answer.read()
        return body


def wait_for_port(host: str, port: int, limit: float) -> bool:
    """Wait until something listens; the condition is asked often, for it comes true within a second or so."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((host, port), timeout=0.5):
                return True
        except OSError:
            time.sleep(0.05)
    return False
