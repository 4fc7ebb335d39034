"""The virtual waiting queue: enter, ask for one's place, receive a pass."""

from __future__ import annotations

import time
import uuid
from math import ceil

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import tokens, web
from .waiting import Line, Place

NAMESPACE = uuid.UUID("6b3f5c0e-6f0b-4a55-9d5e-0f6f0f1f7a11")
QUEUED = """
SELECT e.id, e.title, (SELECT count(*) FROM queue_tickets t WHERE t.event_id = e.id) AS served_before
FROM events e WHERE e.queue_required AND e.status = 'on_sale' ORDER BY e.id LIMIT 20
"""


def _line(request: Request) -> Line:
    settings = web.settings(request)
    return Line(web.stores(request).redis, settings.queue_rate, settings.queue_burst)


async def overview(request: Request) -> Response:
    stores, line = web.stores(request), _line(request)
    events = await stores.remembered("queue", 5, lambda: stores.rows(QUEUED))
    lengths = await line.lengths([event["id"] for event in events])
    queues = [{**event, "waiting": lengths[event["id"]][0], "admitted": lengths[event["id"]][1]} for event in events]
    return JSONResponse({"rate_per_second": line.rate, "queues": queues})


async def enter(request: Request) -> Response:
    user, event = web.user_id(request), request.path_params["event"]
    rows = await web.stores(request).rows("SELECT status FROM events WHERE id = %(id)s", {"id": event})
    if not rows or rows[0]["status"] != "on_sale":
        raise web.ProblemError(404, "not_on_sale", "there is no such event on sale")
    return await _answer(request, await _line(request).step(event, user, join=True), event, user)


async def place(request: Request) -> Response:
    user, event = web.user_id(request), request.path_params["event"]
    found = await _line(request).step(event, user, join=False)
    if found.state == "absent":
        raise web.ProblemError(404, "not_in_queue", "enter the queue first")
    return await _answer(request, found, event, user)


async def _answer(request: Request, found: Place, event: int, user: int) -> Response:
    if found.state == "waiting":
        seconds = ceil(found.position / web.settings(request).queue_rate)
        body = {"state": "waiting", "position": found.position, "waiting": found.waiting, "about_seconds": seconds}
        return JSONResponse(body, 202, headers={"Retry-After": str(min(seconds, 10))})
    # The same pass asked for twice is the same row.
    await web.stores(request).rows(
        "INSERT INTO queue_tickets (id, event_id, user_id, position, admitted_at)"
        " VALUES (%(id)s, %(event)s, %(user)s, %(arrival)s, clock_timestamp()) ON CONFLICT (id) DO NOTHING RETURNING id",
        {
            "id": uuid.uuid5(NAMESPACE, f"{event}:{user}:{found.arrival}:{found.admitted_until}"),
            "event": event,
            "user": user,
            "arrival": max(found.arrival, 1),
        },
    )
    left = max(found.admitted_until - int(time.time()), 1)
    token = tokens.sign(web.signing_key(request), "pass", {"user": user, "event": event}, left)
    return JSONResponse({"state": "admitted", "pass": token, "expires_in": left})


routes = [
    Route("/", overview),
    Route("/{event:int}", enter, methods=["POST"]),
    Route("/{event:int}", place, methods=["GET"]),
]
