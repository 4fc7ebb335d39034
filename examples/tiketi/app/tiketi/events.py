"""The programme: what is on, and which seats are free."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import web

LISTING = """
SELECT id, title, starts_at, sales_open_at, status, queue_required, venue, city, capacity,
       price_from, artists
FROM event_listing
WHERE (%(after)s = 0 OR id > %(after)s)
  AND (%(q)s::text IS NULL OR title ILIKE '%%' || %(q)s || '%%')
  AND (NOT %(on_sale)s OR (status = 'on_sale' AND now() BETWEEN sales_open_at AND starts_at))
ORDER BY id LIMIT %(limit)s
"""
SEATS = """
SELECT s.id, s.section, s.row_label AS "row", s.number, s.tier, p.price
FROM events e
JOIN seats s ON s.venue_id = e.venue_id
JOIN event_prices p ON p.event_id = e.id AND p.tier = s.tier
WHERE e.id = %(event)s
  AND NOT EXISTS (SELECT FROM reservations r
                  WHERE r.event_id = e.id AND r.seat_id = s.id
                    AND (r.status = 'confirmed' OR (r.status = 'pending' AND r.expires_at > now())))
ORDER BY s.id LIMIT %(limit)s
"""


async def listing(request: Request) -> Response:
    parameters = {
        "after": web.whole_number(request, "after", 0, 0, 2**62),
        "limit": web.whole_number(request, "limit", 20, 1, 100),
        "q": request.query_params.get("q"),
        "on_sale": request.query_params.get("on_sale") == "true",
    }
    rows = await web.stores(request).rows(LISTING, parameters)
    return JSONResponse({"events": [web.public(row) for row in rows]})


async def one(request: Request) -> Response:
    rows = await web.stores(request).rows(
        "SELECT l.*, e.attributes FROM event_listing l JOIN events e USING (id) WHERE l.id = %(id)s",
        {"id": request.path_params["id"]},
    )
    if not rows:
        raise web.ProblemError(404, "unknown_event", "there is no such event")
    return JSONResponse(web.public(rows[0]))


async def seats(request: Request) -> Response:
    limit = web.whole_number(request, "limit", 50, 1, 500)
    rows = await web.stores(request).rows(SEATS, {"event": request.path_params["id"], "limit": limit})
    return JSONResponse({"free": [web.public(row) for row in rows]})


routes = [Route("/", listing), Route("/{id:int}", one), Route("/{id:int}/seats", seats)]
