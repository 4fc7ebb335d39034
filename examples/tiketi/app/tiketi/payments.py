"""Payments: a reservation is paid once. The card company is a simulation that always says yes."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import web

COLUMNS = ("id", "reservation_id", "amount", "status", "receipt_no", "created_at")
TOTALS = "SELECT status::text, count(*), sum(amount) AS amount FROM payments GROUP BY status ORDER BY status"


async def overview(request: Request) -> Response:
    stores = web.stores(request)
    rows = await stores.remembered("payments", 5, lambda: stores.rows(TOTALS))
    by_status = {row["status"]: {"count": row["count"], "amount": int(row["amount"])} for row in rows}
    return JSONResponse({"total": sum(row["count"] for row in rows), "by_status": by_status})


async def pay(request: Request) -> Response:
    user, key = web.user_id(request), web.idempotency_key(request)
    data = await web.body(request, reservation_id=int)
    wanted = {"user": user, "key": key, "reservation": data["reservation_id"]}
    async with web.stores(request).database.connection() as connection:
        # The row lock puts two payments of one reservation one after the other.
        cursor = await connection.execute(
            "SELECT status, price, expires_at <= now() AS overdue FROM reservations"
            " WHERE id = %(reservation)s AND user_id = %(user)s FOR UPDATE",
            wanted,
        )
        reservation = await cursor.fetchone()
        if reservation is None:
            raise web.ProblemError(404, "unknown_reservation", "there is no such reservation of yours")
        before = await _by_key(connection, wanted)
        if before is not None:
            return JSONResponse(web.public(before, COLUMNS), 200)
        if reservation["status"] != "pending" or reservation["overdue"]:
            state = "expired" if reservation["overdue"] else reservation["status"]
            raise web.ProblemError(409, "not_payable", f"this reservation is {state}")
        return JSONResponse(web.public(await _capture(connection, wanted, reservation["price"]), COLUMNS), 201)


async def one(request: Request) -> Response:
    query = (
        "SELECT p.* FROM payments p JOIN reservations r ON r.id = p.reservation_id"
        " WHERE p.id = %(id)s AND r.user_id = %(user)s"
    )
    rows = await web.stores(request).rows(query, {"id": request.path_params["id"], "user": web.user_id(request)})
    if not rows:
        raise web.ProblemError(404, "unknown_payment", "there is no such payment of yours")
    return JSONResponse(web.public(rows[0], COLUMNS))


async def _by_key(connection: psycopg.AsyncConnection[DictRow], wanted: dict[str, Any]) -> DictRow | None:
    query = "SELECT * FROM payments WHERE reservation_id = %(reservation)s AND idempotency_key = %(key)s"
    return await (await connection.execute(query, wanted)).fetchone()


async def _capture(connection: psycopg.AsyncConnection[DictRow], wanted: dict[str, Any], price: Any) -> DictRow:
    provider = Jsonb({"name": "simulated", "ref": uuid.uuid4().hex})
    cursor = await connection.execute(
        "INSERT INTO payments (reservation_id, amount, status, idempotency_key, provider)"
        " VALUES (%(reservation)s, %(amount)s, 'captured', %(key)s, %(provider)s) RETURNING *",
        {**wanted, "amount": price, "provider": provider},
    )
    row = await cursor.fetchone()
    assert row is not None
    await connection.execute(
        "UPDATE reservations SET status = 'confirmed', expires_at = NULL WHERE id = %(reservation)s", wanted
    )
    return row


routes = [Route("/", overview, methods=["GET"]), Route("/", pay, methods=["POST"]), Route("/{id:int}", one)]
