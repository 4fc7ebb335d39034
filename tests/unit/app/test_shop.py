"""The shop over HTTP, against real stores."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import psycopg
import pytest
from conftest import Shop, StartShop, until

from tests.waiting import PATIENCE

PLAIN, QUEUED = 2, 1  # events of the seed: without and with a waiting queue
Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def seats(connection: Connection) -> list[int]:
    """Seats of the plain event that nobody has."""
    connection.execute("UPDATE events SET status = 'on_sale', starts_at = now() + interval '1 year' WHERE id IN (1, 2)")
    query = (
        "SELECT s.id FROM seats s JOIN events e USING (venue_id) WHERE e.id = %s AND NOT EXISTS"
        " (SELECT FROM reservations r WHERE r.event_id = e.id AND r.seat_id = s.id) ORDER BY s.id LIMIT 20"
    )
    return [int(str(row[0])) for row in connection.execute(query, (PLAIN,))]


def reserve(shop: Shop, user: int, seat: int, key: str, event: int = PLAIN, **headers: str) -> httpx.Response:
    headers = {**shop.sign_in(user), "Idempotency-Key": key, **headers}
    return shop.http.post("/api/v1/reservations", json={"event_id": event, "seat_id": seat}, headers=headers)


def at_once(shop: Shop, calls: int, one: object) -> list[httpx.Response]:
    barrier = Barrier(calls)

    def run(number: int) -> httpx.Response:
        barrier.wait()
        return one(number)  # type: ignore[operator, no-any-return]

    with ThreadPoolExecutor(calls) as pool:
        return list(pool.map(run, range(calls)))


def test_fifty_buyers_one_seat(start_shop: StartShop, connection: Connection, seats: list[int]) -> None:
    shops = [start_shop(SERVICE="reservation"), start_shop(SERVICE="reservation")]
    answers = at_once(shops[0], 50, lambda n: reserve(shops[n % 2], n + 1, seats[0], f"buyer-{n:04}"))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 49}
    sold = "SELECT count(*) FROM reservations WHERE event_id = %s AND seat_id = %s"
    assert connection.execute(sold, (PLAIN, seats[0])).fetchone() == (1,)


def test_one_buyer_retries(shop: Shop, seats: list[int]) -> None:
    answers = at_once(shop, 20, lambda n: reserve(shop, 7, seats[1], "same-key-1"))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
    assert len({answer.text for answer in answers}) == 1
    assert reserve(shop, 7, seats[2], "same-key-1").status_code == 422
    assert reserve(shop, 7, seats[2], "short").status_code == 400


def test_a_hold_that_ran_out_frees_the_seat_and_cannot_be_paid(
    shop: Shop, connection: Connection, seats: list[int]
) -> None:
    held = reserve(shop, 7, seats[3], "slow-buyer").json()
    assert reserve(shop, 8, seats[3], "quick-buyer").status_code == 409
    connection.execute("UPDATE reservations SET expires_at = now() WHERE id = %s", (held["id"],))
    headers = {**shop.sign_in(7), "Idempotency-Key": "payment-slow"}
    late = shop.http.post("/api/v1/payments", json={"reservation_id": held["id"]}, headers=headers)
    assert (late.status_code, late.json()["error"]) == (409, "not_payable")
    assert reserve(shop, 8, seats[3], "quick-buyer").status_code == 201
    audited = "SELECT after ->> 'status' FROM audit.changes WHERE table_name = 'reservations' AND row_id = %s"
    assert connection.execute(audited + " ORDER BY changed_at DESC LIMIT 1", (held["id"],)).fetchone() == ("expired",)


def test_paid_once(shop: Shop, connection: Connection, seats: list[int]) -> None:
    held = reserve(shop, 9, seats[4], "payer-0001").json()

    def pay(number: int) -> httpx.Response:
        # Half of them are retries of one click, half are another window.
        headers = {**shop.sign_in(9), "Idempotency-Key": f"payment-{number % 2}"}
        return shop.http.post("/api/v1/payments", json={"reservation_id": held["id"]}, headers=headers)

    codes = Counter(answer.status_code for answer in at_once(shop, 20, pay))
    assert codes == {201: 1, 200: 9, 409: 10}
    paid = "SELECT count(*), max(r.status::text) FROM payments p JOIN reservations r ON r.id = reservation_id WHERE r.id = %s"
    assert connection.execute(paid, (held["id"],)).fetchone() == (1, "confirmed")
    somebody_else = shop.http.get(f"/api/v1/reservations/{held['id']}", headers=shop.sign_in(10))
    assert somebody_else.status_code == 404


def test_a_queued_event_needs_a_pass(shop: Shop, connection: Connection, seats: list[int]) -> None:
    free = shop.http.get(f"/api/v1/events/{QUEUED}/seats", params={"limit": 1}).json()["free"][0]["id"]
    refused = reserve(shop, 21, free, "queue-0001", QUEUED)
    assert (refused.status_code, refused.json()["error"]) == (403, "queue")
    admitted = shop.http.post(f"/api/v1/queue/{QUEUED}", headers=shop.sign_in(21)).json()
    assert admitted["state"] == "admitted"
    stolen = reserve(shop, 22, free, "queue-0002", QUEUED, **{"Queue-Pass": admitted["pass"]})
    assert stolen.status_code == 403
    assert reserve(shop, 21, free, "queue-0001", QUEUED, **{"Queue-Pass": admitted["pass"]}).status_code == 201
    asked = shop.http.get(f"/api/v1/queue/{QUEUED}", headers=shop.sign_in(21)).json()
    assert asked["state"] == "admitted"
    tickets = "SELECT count(*) FROM queue_tickets WHERE event_id = %s AND user_id = 21 AND entered_at > now() - interval '1 hour'"
    assert connection.execute(tickets, (QUEUED,)).fetchone() == (1,)


def test_account_and_what_is_logged(shop: Shop) -> None:
    account = {"email": "New@Example.com", "display_name": "New", "password": "canary-password-1"}
    assert shop.http.post("/api/v1/auth/register", json=account).status_code == 201
    assert shop.http.post("/api/v1/auth/register", json={**account, "email": "new@example.COM"}).status_code == 409
    wrong = {"email": "new@example.com", "password": "canary-password-2"}
    assert shop.http.post("/api/v1/auth/login", json=wrong).status_code == 401
    # An account of the seed has no password, so none fits.
    assert shop.http.post("/api/v1/auth/login", json={**wrong, "email": "guest1@example.com"}).status_code == 401
    token = shop.http.post("/api/v1/auth/login", json=account).json()["token"]
    me = shop.http.get("/api/v1/auth/me?token=canary-query", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["email"] == "New@Example.com"
    tries = [shop.http.post("/api/v1/auth/login", json=wrong).status_code for _ in range(10)]
    assert tries[-1] == 429
    assert {line["service"] for line in shop.lines()} == {"monolith"}
    for secret in ("canary", token, "Bearer"):
        assert secret not in shop.log.read_text()


LISTINGS = {
    "auth": ("/api/v1/auth", "users"),
    "event": ("/api/v1/events", "events"),
    "queue": ("/api/v1/queue", "queues"),
    "reservation": ("/api/v1/reservations", "total"),
    "payment": ("/api/v1/payments", "total"),
}


@pytest.mark.parametrize("service", [*LISTINGS, "monolith"])
def test_a_service_has_its_own_paths_and_no_others(start_shop: StartShop, seats: list[int], service: str) -> None:
    shop = start_shop(SERVICE=service)
    for name, (path, field) in LISTINGS.items():
        answer = shop.http.get(path)
        if service in (name, "monolith"):
            assert answer.status_code == 200
            assert answer.json()[field]
            assert shop.http.get(f"{path}/health").json()["status"] == "ok"
        else:
            assert answer.json() == {"error": "unknown_path", "detail": "Not Found"}
    assert shop.http.get("/api/events").status_code == (200 if service == "monolith" else 404)
    assert shop.http.get("/health").json() == {"status": "ok", "database": "connected", "redis": "connected"}
    assert f'service="{service}"' in shop.http.get("/metrics").text


def test_health_says_which_store_is_gone(start_shop: StartShop, redis_server: tuple[int, object]) -> None:
    without_database = start_shop(DATABASE_PORT="1")
    answer = without_database.http.get("/health")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": "disconnected", "redis": "connected"}
    listing = without_database.http.get("/api/v1/events")
    assert (listing.status_code, listing.json()["error"]) == (503, "store_unavailable")

    shop = start_shop()
    assert shop.http.get("/health").status_code == 200
    redis_server[1].kill()  # type: ignore[attr-defined]
    answer = shop.http.get("/health")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": "connected", "redis": "disconnected"}
    assert shop.http.get("/livez").status_code == 200


@pytest.mark.parametrize("service", [*LISTINGS, "monolith"])
def test_only_the_queue_is_unready_without_redis(
    start_shop: StartShop, redis_server: tuple[int, subprocess.Popen[bytes]], service: str
) -> None:
    shop = start_shop(SERVICE=service)
    assert shop.http.get("/ready").status_code == 200
    # Hangs instead of refusing, as in a failover: the answer must not wait for it.
    redis_server[1].send_signal(signal.SIGSTOP)
    began = time.monotonic()
    answer = shop.http.get("/ready")
    assert answer.status_code == (503 if service == "queue" else 200)
    assert answer.json()["database"] == "connected"
    assert service == "queue" or time.monotonic() - began < 1
    assert shop.http.get("/health").json()["redis"] == "disconnected"


def test_nobody_is_ready_without_the_database(start_shop: StartShop) -> None:
    shop = start_shop(SERVICE="event", DATABASE_PORT="1")
    assert shop.http.get("/ready").json() == {"status": "unavailable", "database": "disconnected"}


def test_what_is_under_way_is_answered_before_the_end(shop: Shop, connection: Connection, seats: list[int]) -> None:
    held = reserve(shop, 9, seats[5], "last-minute").json()
    headers = {**shop.sign_in(9), "Idempotency-Key": "last-payment"}
    waits = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'tiketi-monolith'"
    )
    with ThreadPoolExecutor(1) as pool:
        with connection.transaction():
            connection.execute("SELECT FROM reservations WHERE id = %s FOR UPDATE", (held["id"],))
            payment = pool.submit(
                shop.http.post, "/api/v1/payments", json={"reservation_id": held["id"]}, headers=headers
            )
            until(lambda: connection.execute(waits).fetchone() == (1,), "the payment waiting")
            shop.process.send_signal(signal.SIGTERM)
            until(lambda: "Shutting down" in shop.log.read_text(), "the shop stopping")
        assert payment.result().status_code == 201
    shop.process.wait(timeout=PATIENCE)


def test_a_thousand_requests_ten_at_a_time(shop: Shop) -> None:
    with ThreadPoolExecutor(10) as pool:
        codes = Counter(pool.map(lambda _: shop.http.get("/api/events").status_code, range(1000)))
    assert codes == {200: 1000}
