"""The joining side: a server's CA is checked against the token before any credential is sent."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from . import log, tokens

TIMEOUT = 15.0


class JoinError(Exception):
    """This try failed; a later one may not."""


class Supervisor:
    """A server to join, by its URL and a token."""

    def __init__(self, url: str, token: tokens.Token, user: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise log.FatalError(f"Invalid server url, must be an https:// URL: {url}")
        self.url = f"https://{parts.hostname}:{parts.port or 6443}"
        self._host, self._port = parts.hostname, parts.port or 6443
        self._token = token
        self._user = token.user or user
        self._ca = b""

    def certificate_authority(self) -> bytes:
        if not self._ca:
            # The CA is not known yet: the token's hash, not TLS, says whether this answer may be trusted.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            try:
                certificate = self._get("/cacerts", context, {})
            except JoinError as fault:
                raise JoinError(f"failed to get CA certs: {fault}") from fault
            tokens.check_ca(self._token, certificate)
            self._ca = certificate
        return self._ca

    def _authorization(self) -> str:
        if self._token.bootstrap:
            return f"Bearer {self._token.password}"
        return "Basic " + base64.b64encode(f"{self._user}:{self._token.password}".encode()).decode()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> bytes:
        context = ssl.create_default_context(cadata=self.certificate_authority().decode())
        return self._get(path, context, {"Authorization": self._authorization(), **(headers or {})})

    def get_json(self, path: str) -> Any:
        return json.loads(self.get(path))

    def _get(self, path: str, context: ssl.SSLContext, headers: Mapping[str, str]) -> bytes:
        connection = http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT, context=context)
        try:
            connection.request("GET", path, headers=dict(headers))
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as fault:
            raise JoinError(f'Get "{self.url}{path}": {fault}') from fault
        finally:
            connection.close()
        if response.status == 200:
            return body
        message = body.decode(errors="replace").strip()
        if response.status == 403 and message:
            raise JoinError(message)
        raise JoinError(f"{self.url}{path}: {response.status} {http.client.responses.get(response.status, '')}")
