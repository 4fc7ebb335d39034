"""A small client of the Kubernetes API by client certificate: JSON requests and watches."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON = "application/json"
Object = dict[str, Any]


class ApiError(Exception):
    """The API answered with a fault."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message or f"HTTP status {status}")
        self.status = status


@dataclass(frozen=True)
class Client:
    """One identity at one address; each request opens its own connection, so threads may share it."""

    host: str
    port: int
    ca: Path
    certificate: Path
    key: Path

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.certificate, self.key)
        return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=context)

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None, kind: str = JSON) -> Object:
        connection = self._connect(10)
        try:
            headers = {"Content-Type": kind, "Accept": JSON}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        try:
            answer: Object = json.loads(content) if content else {}
        except ValueError:
            answer = {"message": content.decode(errors="replace")}
        if response.status >= 300:
            raise ApiError(response.status, str(answer.get("message", "")))
        return answer

    def get(self, path: str) -> Object:
        return self.request("GET", path)

    def find(self, path: str) -> Object | None:
        try:
            return self.request("GET", path)
        except ApiError as fault:
            if fault.status == 404:
                return None
            raise

    def ready(self) -> bool:
        connection = self._connect(5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def watch(self, path: str, seconds: int = 300) -> Iterator[tuple[str, Object]]:
        """Every object there is as ADDED, then each change, until the watch ends by itself."""
        listed = self.get(path)
        for item in listed.get("items", []):
            yield "ADDED", item
        yield "SYNCED", {}
        version = listed["metadata"]["resourceVersion"]
        mark = "&" if "?" in path else "?"
        connection = self._connect(seconds + 30)
        try:
            connection.request("GET", f"{path}{mark}watch=1&resourceVersion={version}&timeoutSeconds={seconds}")
            response = connection.getresponse()
            if response.status != 200:
                raise ApiError(response.status, response.read().decode(errors="replace"))
            if connection.sock is not None:
                connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            while line := response.readline():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                yield event["type"], event["object"]
        finally:
            connection.close()
