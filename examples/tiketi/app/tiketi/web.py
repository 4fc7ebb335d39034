"""What all services share: problems, input, sign-in, and one access line and metric a request."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from prometheus_client import Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import tokens
from .settings import Settings, secret
from .stores import Stores

log = logging.getLogger("tiketi.access")
BODY_BYTES = 16_384

REQUESTS = Counter("tiketi_http_requests_total", "Requests answered", ["service", "handler", "method", "status"])
SECONDS = Histogram("tiketi_http_request_seconds", "Time to the answer", ["service", "handler"])


class ProblemError(Exception):
    """An answer that is not the wanted one, but is meant."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


async def on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return JSONResponse({"error": error.code, "detail": error.detail}, error.status)


async def on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "unknown_path", 405: "method"}.get(error.status_code, "http")
    return JSONResponse({"error": code, "detail": error.detail}, error.status_code, headers=error.headers)


async def on_store_down(request: Request, error: Exception) -> Response:
    log.error("a store does not answer", extra={"reason": f"{type(error).__name__}: {error}"})
    body = {"error": "store_unavailable", "detail": "the database or Redis does not answer, try again"}
    return JSONResponse(body, 503, headers={"Retry-After": "1"})


def public(row: Mapping[str, Any], names: Iterable[str] | None = None) -> dict[str, Any]:
    """The named columns of a row, in the types JSON has. Amounts are whole won."""

    def plain(value: Any) -> Any:
        if isinstance(value, Decimal):
            return int(value)
        return value.isoformat() if isinstance(value, datetime) else value

    return {name: plain(row[name]) for name in (row if names is None else names)}


def stores(request: Request) -> Stores:
    found: Stores = request.app.state.stores
    return found


def settings(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found


def signing_key(request: Request) -> str:
    return secret(settings(request).signing_key_file)


async def body(request: Request, **fields: type) -> dict[str, Any]:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > BODY_BYTES:
            raise ProblemError(413, "too_large", f"the body is larger than {BODY_BYTES} bytes")
    try:
        data = json.loads(raw)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise ProblemError(400, "invalid_body", "the body is not a JSON object")
    wrong = [name for name, kind in fields.items() if type(data.get(name)) is not kind or data[name] == ""]
    if wrong:
        wanted = ", ".join(f"{name} ({fields[name].__name__})" for name in wrong)
        raise ProblemError(400, "invalid_body", f"missing or of a wrong type: {wanted}")
    return {name: data[name] for name in fields}


def whole_number(request: Request, name: str, default: int, low: int, high: int) -> int:
    value = request.query_params.get(name, str(default))
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        raise ProblemError(400, "invalid_query", f"{name} must be a whole number from {low} to {high}")
    return int(value)


def idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if not 8 <= len(key) <= 128 or not key.isascii() or not key.isprintable():
        raise ProblemError(400, "idempotency_key", "the header Idempotency-Key must hold 8 to 128 printable characters")
    return key


def user_id(request: Request) -> int:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    claims = tokens.verify(signing_key(request), "session", token) if scheme.lower() == "bearer" else None
    if claims is None:
        raise ProblemError(401, "sign_in", "a valid bearer token of /api/v1/auth/login is needed")
    return int(claims["user"])


class Observe:
    """Pure ASGI, so that it costs no task a request."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request_id = given if given.isalnum() and len(given) <= 64 else uuid.uuid4().hex

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, observed_send)
        finally:
            elapsed = time.perf_counter() - started
            handler = getattr(scope.get("endpoint"), "__qualname__", "unknown")
            REQUESTS.labels(self.service, handler, scope["method"], status).inc()
            SECONDS.labels(self.service, handler).observe(elapsed)
            # Probes and scrapes come every few seconds and say nothing as long as they are answered.
            level = (
                logging.DEBUG if status < 400 and handler in {"livez", "ready", "health", "metrics"} else logging.INFO
            )
            line = {"method": scope["method"], "path": scope["path"], "status": status}
            log.log(level, "request", extra={**line, "ms": round(elapsed * 1000, 1), "request_id": request_id})
