"""The supervisor: the paths K3s adds to the API server's port, through which nodes and servers join."""

from __future__ import annotations

import base64
import binascii
import http.server
import json
import socketserver
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from . import log, node, pki, tokens
from .api import ApiError, Client

SECRETS: Final = "/api/v1/namespaces/kube-system/secrets"
NODE_NAME: Final = "K3s-Node-Name"
NODE_PASSWORD: Final = "K3s-Node-Password"  # noqa: S105 - the name of a header
NODE_ADDRESS: Final = "K3s-Node-IP"


class RefusedError(Exception):
    """A request that gets a status other than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Authority:
    """What a server needs to answer those who join."""

    store: pki.Store
    api: Client
    server_token: str
    agent_token: str
    node_config: Mapping[str, Any]
    server_bootstrap: Callable[[], Mapping[str, Any]]
    api_servers: Callable[[], list[str]]


@dataclass(frozen=True)
class Request:
    """The parts of a request that a decision rests on."""

    path: str
    authorization: str
    node: str
    node_password: str
    node_address: str


class Answers:
    """Every path and who may ask for it."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._passwords = threading.Lock()
        self._documents: Mapping[str, Callable[[], Any]] = {
            "/v1-k3s/server-bootstrap": authority.server_bootstrap,
            "/v1-k3s/config": lambda: authority.node_config,
            "/v1-k3s/apiservers": authority.api_servers,
        }

    def answer(self, request: Request) -> bytes:
        if request.path == "/ping":
            return b"pong"
        if request.path == "/cacerts":
            return self._authority.store.path("server-ca").read_bytes()
        role = self._role(request.authorization)
        if request.path == "/v1-k3s/server-bootstrap" and role != tokens.SERVER:
            raise RefusedError(403, "Forbidden: only the server token may join servers")
        document = self._documents.get(request.path)
        if document is not None:
            return json.dumps(document()).encode()
        if request.path in ("/v1-k3s/client-ca.crt", "/v1-k3s/server-ca.crt"):
            return self._authority.store.path(Path(request.path).stem).read_bytes()
        return self._certificate(request)

    def _certificate(self, request: Request) -> bytes:
        store = self._authority.store
        if request.path == "/v1-k3s/client-kube-proxy.crt":
            pair = pki.issue(store.read("client-ca"), "system:kube-proxy")
        elif request.path == "/v1-k3s/client-kubelet.crt":
            self._check_password(request)
            pair = pki.issue(store.read("client-ca"), f"system:node:{request.node}", ["system:nodes"])
        elif request.path == "/v1-k3s/serving-kubelet.crt":
            self._check_password(request)
            names = [request.node, "localhost", "127.0.0.1", *filter(None, request.node_address.split(","))]
            pair = pki.issue(store.read("server-ca"), request.node, names=names)
        else:
            raise RefusedError(404, "404 page not found")
        return pair.certificate + pair.key

    def _role(self, authorization: str) -> str:
        kind, _, credential = authorization.partition(" ")
        role = ""
        if kind == "Basic":
            try:
                user, _, password = base64.b64decode(credential, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise RefusedError(400, "Bad Request") from None
            role = tokens.authorize(user, password, self._authority.server_token, self._authority.agent_token)
        elif kind == "Bearer" and tokens.is_bootstrap(credential):
            role = tokens.NODE if self._bootstrap_token(credential) else ""
        if not role:
            raise RefusedError(401, "Unauthorized")
        return role

    def _bootstrap_token(self, token: str) -> bool:
        identity, _, secret = token.partition(".")
        found = self._authority.api.find(f"{SECRETS}/bootstrap-token-{identity}")
        if found is None or found.get("type") != "bootstrap.kubernetes.io/token":
            return False
        data = {key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()}
        return data.get("token-secret") == secret and not tokens.expired(data.get("expiration", ""))

    def _check_password(self, request: Request) -> None:
        if not request.node or not request.node_password:
            raise RefusedError(400, "node name or password is not set")
        path = f"{SECRETS}/{request.node}.node-password.k3s"
        # Two requests of one new node come at once: only the first may make the secret.
        with self._passwords:
            found = self._authority.api.find(path)
            if found is None:
                stored = base64.b64encode(node.hash_password(request.node_password).encode()).decode()
                meta = {"name": f"{request.node}.node-password.k3s", "namespace": "kube-system"}
                body = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "immutable": True}
                self._authority.api.request("POST", SECRETS, body | {"data": {"hash": stored}})
                return
        stored = base64.b64decode(found.get("data", {}).get("hash", "")).decode()
        if not node.verify_password(request.node_password, stored):
            raise RefusedError(403, node.REJECTED)


class _Handler(http.server.BaseHTTPRequestHandler):
    answers: Answers

    def do_GET(self) -> None:
        headers = self.headers
        request = Request(
            self.path.partition("?")[0],
            headers.get("Authorization", ""),
            headers.get(NODE_NAME, ""),
            headers.get(NODE_PASSWORD, ""),
            headers.get(NODE_ADDRESS, ""),
        )
        try:
            status, body = 200, self.answers.answer(request)
        except RefusedError as fault:
            status, body = fault.status, str(fault).encode()
        except (ApiError, OSError) as fault:
            log.error(f"{request.path}: {fault}")
            status, body = 503, b"Service Unavailable"
        if status in (401, 403):
            peer = headers.get("X-Forwarded-For", "")
            reason = "not authorized" if status == 401 else body.decode()
            log.error(f"Sending HTTP/1.1 {status} response to {peer}: {reason}")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
        """Requests are not logged; refusals are, above."""


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def serve(authority: Authority, socket: Path) -> None:
    """Answer on a Unix socket; the API server passes the supervisor's paths on to it."""
    socket.parent.mkdir(parents=True, exist_ok=True)
    socket.unlink(missing_ok=True)
    handler = type("Handler", (_Handler,), {"answers": Answers(authority)})
    server = _Server(str(socket), handler)
    socket.chmod(0o600)
    threading.Thread(target=server.serve_forever, daemon=True, name="supervisor").start()
