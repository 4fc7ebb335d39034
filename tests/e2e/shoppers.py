"""People who buy: each reserves a seat, notes what was acknowledged, and never asks twice. A failed request is a failed request."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from tests.waiting import crowded

SOON = 10.0  # seconds before its end a place is not asked for any more
JSON = {"content-type": "application/json"}


@dataclass
class Shoppers:
    """`count` people at once, each about every `pause` seconds: a reservation (PostgreSQL), then a place in a queue (Redis)."""

    host: str
    port: int = 3001
    count: int = 4
    pause: float = 0.25
    acknowledged: list[int] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)  # when it was asked, how long it took
    places: dict[int, float] = field(default_factory=dict)  # event -> until when its queue has let them in
    lost: list[str] = field(default_factory=list)  # places that were another one when they were asked for again
    crowd: float = 1.0  # how crowded the machine was at most
    token: str = ""

    def __enter__(self) -> Shoppers:
        self._stop, self._lock = threading.Event(), threading.Lock()
        self.run = uuid.uuid4().hex[:12]
        self._sign_in()
        self._seats = self._free_seats()
        self._threads = [threading.Thread(target=self._shop, daemon=True) for _ in range(self.count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        self.crowd = max(self.crowd, crowded())

    @property
    def longest(self) -> float:
        return max(seconds for _, seconds in self.waits)

    @property
    def longest_gap(self) -> float:
        """The longest time in which nothing was acknowledged to anybody."""
        ends = sorted(begun + seconds for begun, seconds in self.waits)
        return max(after - before for before, after in itertools.pairwise(ends))

    @property
    def told(self) -> str:
        return (
            f"{len(self.acknowledged)} reservations, longest wait {self.longest:.2f} s,"
            f" longest time without an answer {self.longest_gap:.2f} s"
        )

    def missing(self) -> list[int]:
        """Acknowledged, and not there any more."""
        connection = self._connection()
        return [
            one for one in self.acknowledged if self._ask(connection, "GET", f"/api/v1/reservations/{one}")[0] != 200
        ]

    def lost_places(self) -> list[str]:
        """Acknowledged, and not there any more, or another one: a place keeps the moment at which it ends."""
        connection = self._connection()
        for event, until in list(self.places.items()):
            if until - time.time() < SOON:
                continue
            begun = time.time()
            status, said = self._ask(connection, "GET", f"/api/v1/queue/{event}")
            if status == 200:
                self._hold(event, said, begun)
            else:
                self.lost.append(f"queue of event {event}: {status} {said}")
        return self.lost

    def _hold(self, event: int, said: dict[str, Any], begun: float) -> None:
        if said.get("state") != "admitted":
            return
        now, known = time.time(), self.places.get(event)
        until = now + said["expires_in"]
        if known is None or known - now < SOON:
            self.places[event] = until
        elif abs(until - known) > 3 + now - begun:
            self.lost.append(f"queue of event {event}: a place until {known:.0f} became one until {until:.0f}")

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=60)

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        known = JSON | ({"authorization": f"Bearer {self.token}"} if self.token else {}) | headers
        connection.request(method, path, json.dumps(body) if body is not None else None, known)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else {}

    def _sign_in(self) -> None:
        connection = self._connection()
        account = {"email": f"{self.run}@example.org", "password": uuid.uuid4().hex}
        status, said = self._ask(connection, "POST", "/api/v1/auth/register", account | {"display_name": "A fan"})
        assert status == 201, said
        status, said = self._ask(connection, "POST", "/api/v1/auth/login", account)
        assert status == 200, said
        self.token = said["token"]

    def _free_seats(self) -> Iterator[tuple[int, int]]:
        connection = self._connection()
        _, said = self._ask(connection, "GET", "/api/v1/events?on_sale=true&limit=100")
        events = [event["id"] for event in said["events"] if not event["queue_required"]]
        assert events, "no event is on sale without a queue"
        self._queues = itertools.cycle(events)
        found = []
        for event in events:
            _, seats = self._ask(connection, "GET", f"/api/v1/events/{event}/seats?limit=500")
            found += [(event, seat["id"]) for seat in seats["free"]]
        return iter(found)

    def _shop(self) -> None:
        connection = self._connection()
        while not self._stop.wait(self.pause):
            with self._lock:
                event, seat = next(self._seats, (0, 0))
            if not seat:
                self.failed.append("sold out: the example has too few seats for so long a run")
                return
            self._reserve(connection, event, seat)
            self._enter(connection)
            self.crowd = max(self.crowd, crowded())

    def _reserve(self, connection: http.client.HTTPConnection, event: int, seat: int) -> None:
        key = {"idempotency-key": f"{self.run}-{event}-{seat}"}
        body = {"event_id": event, "seat_id": seat}
        said = self._observed(connection, (201,), "POST", "/api/v1/reservations", body, **key)
        if said is not None:
            self.acknowledged.append(said["id"])

    def _enter(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            event, begun = next(self._queues), time.time()
        said = self._observed(connection, (200, 202), "POST", f"/api/v1/queue/{event}")
        if said is not None:
            with self._lock:
                self._hold(event, said, begun)

    def _observed(
        self,
        connection: http.client.HTTPConnection,
        wanted: tuple[int, ...],
        method: str,
        path: str,
        body: Any = None,
        **headers: str,
    ) -> Any:
        begun = time.monotonic()
        try:
            status, said = self._ask(connection, method, path, body, **headers)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self.failed.append(f"{method} {path}: {type(error).__name__} {error}")
            return None
        self.waits.append((begun, time.monotonic() - begun))
        if status not in wanted:
            self.failed.append(f"{method} {path}: {status} {said}")
            return None
        return said
