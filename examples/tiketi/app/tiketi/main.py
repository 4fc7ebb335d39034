"""Puts the application together: the routes of the chosen services, and what every one of them has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from . import auth, events, payments, queue, reservations, web
from .settings import Settings
from .stores import STORES, UNAVAILABLE, Stores

# The service, the path it is reached by, and its routes.
PARTS = {
    "auth": ("/api/v1/auth", auth.routes),
    "event": ("/api/v1/events", events.routes),
    "queue": ("/api/v1/queue", queue.routes),
    "reservation": ("/api/v1/reservations", reservations.routes),
    "payment": ("/api/v1/payments", payments.routes),
}


# Redis is the waiting queue; the others sell without it, and only signing in has to wait for it.
NEEDS_REDIS = ("queue",)


def needed(settings: Settings) -> tuple[str, ...]:
    return STORES if settings.service in NEEDS_REDIS else ("database",)


async def livez(request: Request) -> Response:
    """Whether the process lives: says nothing of the stores, or a slow database would restart every pod."""
    return JSONResponse({"status": "ok"})


async def health(request: Request) -> Response:
    healthy, body = await web.stores(request).health()
    return JSONResponse(body, 200 if healthy else 503)


async def ready(request: Request) -> Response:
    """Whether requests are worth sending here: only a store that the services cannot do without counts.

    Else a Redis that fails over would take every pod of every service out of the ingress at once, in the middle of a rush.
    """
    able, body = await web.stores(request).health(needed(web.settings(request)))
    return JSONResponse(body, 200 if able else 503)


async def metrics(request: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _mounted(prefix: str, routes: list[Route]) -> list[BaseRoute]:
    """Flat routes, so that the listing answers without a redirect to a slash."""
    methods = [(route, sorted((route.methods or {"GET"}) - {"HEAD"})) for route in routes]
    return [Route(prefix + route.path.rstrip("/"), route.endpoint, methods=allowed) for route, allowed in methods]


def routes(settings: Settings) -> list[BaseRoute]:
    found: list[BaseRoute] = [
        Route("/livez", livez),
        Route("/ready", ready),
        Route("/health", health),
        Route("/metrics", metrics),
    ]
    for service in settings.services:
        prefix, own = PARTS[service]
        found += [Route(f"{prefix}/health", health), *_mounted(prefix, own)]
    if settings.service == "monolith":
        # The path of the time before versions.
        found += _mounted("/api/events", events.routes)
    return found


def build(settings: Settings) -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        stores = Stores.of(settings)
        app.state.settings, app.state.stores = settings, stores
        await stores.open()
        try:
            yield
        finally:
            await stores.close()

    return Starlette(
        routes=routes(settings),
        lifespan=lifespan,
        middleware=[Middleware(web.Observe, service=settings.service)],
        exception_handlers={
            web.ProblemError: web.on_problem,
            HTTPException: web.on_http_error,
            **dict.fromkeys(UNAVAILABLE, web.on_store_down),
        },
    )
