"""One connection that is kept open from request to request, with TLS verified. Standard library only."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from .model import Answer, Target

KEPT = 65536
CHUNK = 65536
IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}
AGENT = "tiketi.platform load check"


@dataclass(frozen=True)
class Site:
    """Where requests go. `host` is the header Host where it is not that of the URL."""

    base_url: str
    timeout: float = 10.0
    ca_file: str = ""
    host: str = ""

    def faults(self) -> list[str]:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return [f"{self.base_url!r} is no http or https URL. Mend: give scheme, host and port"]
        if parts.query or parts.fragment:
            return [f"{self.base_url!r} has a query or a fragment. Mend: put it into the paths"]
        return []


class Client:
    """Not for use by two threads at once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        parts = urlsplit(site.base_url)
        self._host, self._port, self._prefix = parts.hostname or "", parts.port, parts.path.rstrip("/")
        self._tls = _trust(site.ca_file) if parts.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, target: Target) -> Answer:
        """One request. A kept connection that the server has closed in between is not an error of the request."""
        kept = self._connection is not None
        answer = self._ask_once(target)
        if kept and answer.kind == "broken" and target.method in IDEMPOTENT:
            return self._ask_once(target)
        return answer

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask_once(self, target: Target) -> Answer:
        end = time.monotonic() + self._site.timeout
        try:
            connection = self._open()
            connection.request(target.method, self._prefix + target.path, target.body or None, self._headers(target))
            response = connection.getresponse()
            body = self._read(response, connection, end)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            return Answer(0, kind=kind_of(error), detail=f"{type(error).__name__}: {error}")
        if response.will_close:
            self.close()
        return Answer(response.status, body)

    def _open(self) -> http.client.HTTPConnection:
        if self._connection is None:
            made: http.client.HTTPConnection
            if self._tls is not None:
                made = http.client.HTTPSConnection(
                    self._host, self._port, timeout=self._site.timeout, context=self._tls
                )
            else:
                made = http.client.HTTPConnection(self._host, self._port, timeout=self._site.timeout)
            made.connect()
            # Small requests must not wait for the answer to the one before.
            made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection = made
        self._connection.sock.settimeout(self._site.timeout)
        return self._connection

    def _headers(self, target: Target) -> dict[str, str]:
        headers = {"User-Agent": AGENT, **target.headers}
        if self._site.host:
            headers["Host"] = self._site.host
        if target.body and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
        return headers

    def _read(self, response: http.client.HTTPResponse, connection: http.client.HTTPConnection, end: float) -> bytes:
        """The whole body, of which the beginning is kept; a server that drips does not hold us for ever."""
        kept = b""
        while chunk := response.read1(CHUNK):
            if len(kept) < KEPT:
                kept += chunk
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"the body was not there after {self._site.timeout:g} s")
            if connection.sock is not None:
                connection.sock.settimeout(left)
        if response.length:
            raise http.client.IncompleteRead(kept, response.length)
        response.close()  # read1 leaves it open at its end, and an open one blocks the next request
        return kept


@lru_cache(maxsize=4)
def _trust(ca_file: str) -> ssl.SSLContext:
    """Read once: the system's certificates are hundreds, and there is a client for each connection."""
    return ssl.create_default_context(cafile=ca_file or None)


def kind_of(error: Exception) -> str:
    """One word for what went wrong."""
    kinds: list[tuple[type[Exception] | tuple[type[Exception], ...], str]] = [
        (TimeoutError, "timeout"),
        (ConnectionRefusedError, "refused"),
        (socket.gaierror, "name"),
        (ssl.SSLError, "tls"),
        ((ConnectionError, http.client.IncompleteRead), "broken"),
        (OSError, "network"),
    ]
    return next((name for types, name in kinds if isinstance(error, types)), "protocol")
