"""Accounts: register, log in, who am I."""

from __future__ import annotations

import asyncio
import hashlib

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import tokens, web

SESSION_SECONDS = 3600
PASSWORD_LENGTH = (10, 256)
TRIES, TRIES_SECONDS = 10, 60


async def overview(request: Request) -> Response:
    stores = web.stores(request)
    query = "SELECT count(*) AS users, count(password_hash) AS with_password FROM users"
    rows = await stores.remembered("auth", 5, lambda: stores.rows(query))
    return JSONResponse(rows[0])


async def register(request: Request) -> Response:
    data = await web.body(request, email=str, display_name=str, password=str)
    shortest, longest = PASSWORD_LENGTH
    if not shortest <= len(data["password"]) <= longest:
        raise web.ProblemError(400, "password", f"a password has {shortest} to {longest} characters")
    if "@" not in data["email"][1:-1]:
        raise web.ProblemError(400, "email", "this is not an e-mail address")
    hashed = await asyncio.to_thread(tokens.hash_password, data["password"])
    rows = await web.stores(request).rows(
        "INSERT INTO users (email, display_name, password_hash) VALUES (%(email)s, %(name)s, %(hash)s)"
        " ON CONFLICT (email) DO NOTHING RETURNING id",
        {"email": data["email"], "name": data["display_name"], "hash": hashed},
    )
    if not rows:
        raise web.ProblemError(409, "email_taken", "there is an account with this e-mail address")
    return JSONResponse({"id": rows[0]["id"]}, 201)


async def login(request: Request) -> Response:
    data = await web.body(request, email=str, password=str)
    stores = web.stores(request)
    counter = "login:" + hashlib.sha256(data["email"].lower().encode()).hexdigest()
    async with stores.redis.pipeline(transaction=True) as pipe:
        pipe.incr(counter)
        pipe.expire(counter, TRIES_SECONDS, nx=True)
        tries, _ = await pipe.execute()
    if tries > TRIES:
        raise web.ProblemError(429, "too_many_tries", f"more than {TRIES} tries in {TRIES_SECONDS} seconds")
    rows = await stores.rows("SELECT id, password_hash FROM users WHERE email = %(email)s", {"email": data["email"]})
    stored = rows[0]["password_hash"] if rows else None
    if not await asyncio.to_thread(tokens.check_password, data["password"][: PASSWORD_LENGTH[1]], stored):
        raise web.ProblemError(401, "credentials", "e-mail address or password is wrong")
    token = tokens.sign(web.signing_key(request), "session", {"user": rows[0]["id"]}, SESSION_SECONDS)
    return JSONResponse({"token": token, "expires_in": SESSION_SECONDS})


async def me(request: Request) -> Response:
    rows = await web.stores(request).rows(
        "SELECT id, email::text, display_name, profile FROM users WHERE id = %(id)s", {"id": web.user_id(request)}
    )
    if not rows:
        raise web.ProblemError(404, "unknown_user", "this account is gone")
    return JSONResponse(rows[0])


routes = [
    Route("/", overview),
    Route("/register", register, methods=["POST"]),
    Route("/login", login, methods=["POST"]),
    Route("/me", me),
]
