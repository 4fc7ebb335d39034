"""Reservations: a seat is held once, whatever arrives at the same time and however often."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import DictRow
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import tokens, web

COLUMNS = ("id", "event_id", "seat_id", "status", "price", "created_at", "expires_at")
FREE_OVERDUE = """
UPDATE reservations SET status = 'expired'
WHERE event_id = %(event)s AND seat_id = %(seat)s AND status = 'pending' AND expires_at <= now()
"""
# Both unique indexes decide: the seat's, and the one of the user's idempotency key.
# Who loses waits here for the winner's commit and then inserts nothing.
HOLD = """
INSERT INTO reservations (event_id, seat_id, user_id, status, price, idempotency_key, expires_at)
SELECT e.id, s.id, %(user)s, 'pending', p.price, %(key)s, now() + make_interval(secs => %(hold)s)
FROM events e
JOIN seats s ON s.venue_id = e.venue_id AND s.id = %(seat)s
JOIN event_prices p ON p.event_id = e.id AND p.tier = s.tier
WHERE e.id = %(event)s AND e.status = 'on_sale' AND now() BETWEEN e.sales_open_at AND e.starts_at
ON CONFLICT DO NOTHING
RETURNING *
"""
TOTALS = "SELECT status::text, count(*) FROM reservations GROUP BY status ORDER BY status"
BEST = """
SELECT s.event_id, e.title, s.sold, s.held, s.revenue
FROM event_sales s JOIN events e ON e.id = s.event_id ORDER BY s.sold DESC, s.event_id LIMIT 10
"""


async def overview(request: Request) -> Response:
    stores = web.stores(request)
    totals = await stores.remembered("reservations", 5, lambda: stores.rows(TOTALS))
    best = await stores.remembered("best", 5, lambda: stores.rows(BEST))
    counts = {row["status"]: row["count"] for row in totals}
    return JSONResponse(
        {"total": sum(counts.values()), "by_status": counts, "best_selling": [web.public(row) for row in best]}
    )


async def hold(request: Request) -> Response:
    user, key = web.user_id(request), web.idempotency_key(request)
    data = await web.body(request, event_id=int, seat_id=int)
    wanted = {"user": user, "key": key, "event": data["event_id"], "seat": data["seat_id"]}
    await _check_pass(request, user, data["event_id"])
    async with web.stores(request).database.connection() as connection:
        before = await _by_key(connection, wanted)
        if before is not None:
            return _again(before, wanted)
        await connection.execute(FREE_OVERDUE, wanted)
        cursor = await connection.execute(HOLD, {**wanted, "hold": web.settings(request).hold_seconds})
        row = await cursor.fetchone()
        if row is not None:
            return JSONResponse(web.public(row, COLUMNS), 201)
        # Either a retry of ours was faster, or the seat is somebody else's, or there is nothing to sell.
        before = await _by_key(connection, wanted)
        if before is not None:
            return _again(before, wanted)
        raise await _refusal(connection, wanted)


async def one(request: Request) -> Response:
    parameters = {"id": request.path_params["id"], "user": web.user_id(request)}
    query = "SELECT * FROM reservations WHERE id = %(id)s AND user_id = %(user)s"
    rows = await web.stores(request).rows(query, parameters)
    if not rows:
        raise web.ProblemError(404, "unknown_reservation", "there is no such reservation of yours")
    return JSONResponse(web.public(rows[0], COLUMNS))


async def cancel(request: Request) -> Response:
    """Only what is not paid yet; a cancelled one is answered the same way again."""
    parameters = {"id": request.path_params["id"], "user": web.user_id(request)}
    query = (
        "UPDATE reservations SET status = 'cancelled'"
        " WHERE id = %(id)s AND user_id = %(user)s AND status IN ('pending', 'cancelled') RETURNING *"
    )
    rows = await web.stores(request).rows(query, parameters)
    if not rows:
        raise web.ProblemError(409, "not_pending", "there is no reservation of yours here that could be cancelled")
    return JSONResponse(web.public(rows[0], COLUMNS))


async def _check_pass(request: Request, user: int, event: int) -> None:
    rows = await web.stores(request).rows("SELECT queue_required FROM events WHERE id = %(id)s", {"id": event})
    if not rows or not rows[0]["queue_required"]:
        return
    claims = tokens.verify(web.signing_key(request), "pass", request.headers.get("queue-pass", ""))
    if claims is None or (claims["user"], claims["event"]) != (user, event):
        raise web.ProblemError(403, "queue", f"enter the queue first: POST /api/v1/queue/{event}")


async def _by_key(connection: psycopg.AsyncConnection[DictRow], wanted: dict[str, Any]) -> DictRow | None:
    query = "SELECT * FROM reservations WHERE user_id = %(user)s AND idempotency_key = %(key)s"
    return await (await connection.execute(query, wanted)).fetchone()


def _again(before: DictRow, wanted: dict[str, Any]) -> Response:
    if (before["event_id"], before["seat_id"]) != (wanted["event"], wanted["seat"]):
        raise web.ProblemError(422, "idempotency_key", "this key was used for another seat")
    return JSONResponse(web.public(before, COLUMNS), 200)


async def _refusal(connection: psycopg.AsyncConnection[DictRow], wanted: dict[str, Any]) -> web.ProblemError:
    query = (
        "SELECT 1 FROM reservations WHERE event_id = %(event)s AND seat_id = %(seat)s"
        " AND status IN ('pending', 'confirmed')"
    )
    if await (await connection.execute(query, wanted)).fetchone():
        return web.ProblemError(409, "seat_taken", "this seat is taken")
    return web.ProblemError(404, "not_on_sale", "this event or this seat is not on sale now")


routes = [
    Route("/", overview, methods=["GET"]),
    Route("/", hold, methods=["POST"]),
    Route("/{id:int}", one, methods=["GET"]),
    Route("/{id:int}", cancel, methods=["DELETE"]),
]
