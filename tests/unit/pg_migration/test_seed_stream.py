"""What of a record the TLS library keeps back makes no socket readable; a lane asks for it nevertheless."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Table
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed import copy
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.seed.plan import Part
from psycopg import pq

PART = Part(Table("public", "rows", "public.rows", 1, 1, 3), 1, 0, None, 1)


class Connection:
    """A side whose answers are in the TLS library alone: `consume_input` brings one at a time, and the socket says nothing."""

    def __init__(self, status: pq.ExecStatus, rows: list[bytes]) -> None:
        self.status, self.rows, self.waits = status, rows, True
        self.quiet, self._other = socket.socketpair()
        self.socket = self.quiet.fileno()
        self.nonblocking = 0
        self.sent = b""
        self.results: list[Any] = []

    def exec_(self, _statement: bytes) -> Any:
        self.results = [SimpleNamespace(status=pq.ExecStatus.COMMAND_OK, command_tuples=len(self.rows)), None]
        return SimpleNamespace(status=self.status)

    def consume_input(self) -> None:
        self.waits = False

    def get_copy_data(self, _now: int) -> tuple[int, bytes]:
        if self.waits:
            return 0, b""
        if not self.rows:
            return -1, b""
        self.waits = True
        return len(self.rows[0]), self.rows.pop(0)

    def put_copy_data(self, block: bytearray) -> None:
        self.sent += block

    def put_copy_end(self) -> None:
        self.waits = True

    def flush(self) -> int:
        return 0

    def is_busy(self) -> bool:
        return self.waits

    def get_result(self) -> Any:
        return self.results.pop(0)


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Connection, Connection]]:
    monkeypatch.setattr(copy, "UNSEEN", 1)
    pair = Connection(pq.ExecStatus.COPY_OUT, [b"one", b"two"]), Connection(pq.ExecStatus.COPY_IN, [])
    yield pair
    for side in pair:
        side.quiet.close()
        side._other.close()


def test_a_silent_socket_is_not_waited_for_forever(sides: tuple[Connection, Connection]) -> None:
    source, target = sides
    lane = copy.Lane(SimpleNamespace(pgconn=source), SimpleNamespace(pgconn=target), {}, lambda _part, _size: None)  # type: ignore[arg-type]
    found: list[tuple[int, int]] = []
    thread = threading.Thread(target=lambda: found.append(copy._stream(lane, PART, b"", b"")), daemon=True)
    thread.start()
    thread.join(10)
    assert [size for _, size in found] == [6]
    assert target.sent == b"onetwo"
