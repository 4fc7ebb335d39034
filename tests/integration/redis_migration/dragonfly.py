"""A Redis that answers as a Dragonfly does where a move would notice: no Dragonfly could be had here.

What differs was read in Dragonfly's source (server_family.cc, acl_family.cc, generic_family.cc, rdb_save.cc), not seen on one: INFO names the
product and no run_id; PSYNC, SYNC and the keyspace events but expiry are not there; CLIENT TRACKING wants RESP3; CLIENT KILL knows ADDR, LADDR
and ID; there is no min-replicas-to-write; users have no selectors; DUMP writes version 9, streams as type 21, and sets and hashes of which
members end one by one (SADDEX, FIELDEXPIRE) as types 32 and 31; RESTORE refuses versions above its own. Not played: threads, the end of such a
member, types of its own.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import encode

VERSION, STREAM = 9, 21
STREAMS_OF_REDIS = (15, 19, 21)
SETS_OF_REDIS = (2, 11, 20)
HASH_WITH_ENDS, SET_WITH_ENDS = 31, 32
TAKEN = 12  # the newest payload that RESTORE takes; those that know no more than they write take 9
UNKNOWN = {b"PSYNC", b"SYNC", b"REPLCONF", b"MIGRATE", b"FAILOVER"}
NOT_FOR_DRAGONFLY = (b"run_id:", b"redis_version:", b"redis_git", b"redis_build_id:", b"rdb_changes_since_last_save:")
POLYNOMIAL = 0xAD93D23594C935A9  # of the checksum under a payload, as Redis and Dragonfly make it


def _reflected(value: int, bits: int) -> int:
    return int(f"{value:0{bits}b}"[::-1], 2)


def _table() -> list[int]:
    polynomial, table = _reflected(POLYNOMIAL, 64), []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (polynomial if number & 1 else 0)  # noqa: PLW2901 - the eight steps of one byte
        table.append(number)
    return table


TABLE = _table()


def checksum(payload: bytes) -> bytes:
    crc = 0
    for byte in payload:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc.to_bytes(8, "little")


def dumped(payload: bytes, ending: bool = False) -> bytes:
    """The payload of a Redis with the numbers that a Dragonfly writes; those of `ending` members are not in it."""
    kind = STREAM if payload[0] in STREAMS_OF_REDIS else payload[0]
    if ending:
        kind = SET_WITH_ENDS if payload[0] in SETS_OF_REDIS else HASH_WITH_ENDS
    body = bytes([kind]) + payload[1:-10] + VERSION.to_bytes(2, "little")
    return body + checksum(body)


def told(text: bytes) -> bytes:
    """INFO without what Dragonfly does not say."""
    lines = [line for line in text.split(b"\r\n") if not line.startswith(NOT_FOR_DRAGONFLY)]
    where = next(number for number, line in enumerate(lines) if line == b"# Server") if b"# Server" in lines else -1
    if where >= 0:
        lines[where + 1 : where + 1] = [b"redis_version:7.4.0", b"dragonfly_version:df-v1.34.2"]
    return b"\r\n".join(lines)


def refused(command: list[bytes]) -> bytes:
    """The answer that a Dragonfly gives by itself; empty where it does what Redis does."""
    name = command[0].upper()
    part = command[1].upper() if len(command) > 1 else b""
    rest = [word.upper() for word in command[2:]]
    answer = ""
    if name in UNKNOWN:
        answer = f"unknown command `{name.decode()}`"
    elif name == b"CLIENT" and part == b"TRACKING":
        answer = "Client tracking is currently not supported for RESP2. Please use RESP3."
    elif (name, part) == (b"CLIENT", b"GETREDIR") or (
        (name, part) == (b"CLIENT", b"KILL") and (len(rest) != 2 or rest[0] not in (b"ADDR", b"LADDR", b"ID"))
    ):
        answer = "syntax error"
    elif (name, part) == (b"CONFIG", b"GET") and rest == [b"MIN-REPLICAS-TO-WRITE"]:
        return b"*0\r\n"
    elif (name, part) == (b"CONFIG", b"SET") and rest[:1] == [b"NOTIFY-KEYSPACE-EVENTS"] and rest[1:] != [b"EX"]:
        answer = "Only Ex is supported"
    elif (name, part) == (b"ACL", b"SETUSER") and any(
        word == b"CLEARSELECTORS" or word.startswith(b"(") for word in rest
    ):
        answer = "Unrecognized parameter"
    return f"-ERR {answer}\r\n".encode() if answer else b""


def read_reply(file: BinaryIO) -> bytes:
    """One reply as it came."""
    line = file.readline()
    if not line:
        raise EOFError
    if line[:1] == b"$" and line[1:2] != b"-":
        return line + file.read(int(line[1:]) + 2)
    if line[:1] in b"*~>%" and line[1:2] != b"-":  # applications may speak RESP3
        parts = int(line[1:]) * (2 if line[:1] == b"%" else 1)
        return line + b"".join(read_reply(file) for _ in range(parts))
    return line


def read_command(file: BinaryIO) -> list[bytes]:
    line = file.readline()
    if not line:
        raise EOFError
    words = []
    for _ in range(int(line[1:])):
        size = int(file.readline()[1:])
        words.append(file.read(size + 2)[:-2])
    return words


def _body(reply: bytes, make: Callable[[bytes], bytes]) -> bytes:
    if not reply.startswith(b"$") or reply.startswith(b"$-"):
        return reply
    made = make(reply.split(b"\r\n", 1)[1][:-2])
    return b"$%d\r\n%b\r\n" % (len(made), made)


def _without_selectors(reply: bytes) -> bytes:
    where = reply.find(b"$9\r\nselectors\r\n")
    return b"*10" + reply[:where].removeprefix(b"*12") if reply.startswith(b"*12\r\n") and where > 0 else reply


@dataclass
class Persona:
    """What one Dragonfly is, and the keys of which single members end."""

    takes: int = TAKEN
    ending: set[bytes] = field(default_factory=set)

    def by_itself(self, command: list[bytes]) -> bytes:
        name = command[0].upper()
        if name == b"RESTORE" and int.from_bytes(command[3][-10:-8], "little") > self.takes:
            return b"-ERR DUMP payload version or checksum are wrong\r\n"
        if name == b"FIELDEXPIRE":  # key, seconds, fields
            self.ending.add(command[1])
            return b"*%d\r\n" % len(command[3:]) + b":1\r\n" * len(command[3:])
        return refused(command)

    def for_redis(self, command: list[bytes]) -> list[bytes]:
        if command[0].upper() == b"SADDEX":  # key, seconds, members
            self.ending.add(command[1])
            return [b"SADD", command[1], *command[3:]]
        return command


def answer(one: Persona, command: list[bytes], upstream: socket.socket, file: BinaryIO) -> bytes:
    own = one.by_itself(command)
    if own:
        return own
    upstream.sendall(encode([tuple(one.for_redis(command))]))
    reply = read_reply(file)
    name = command[0].upper()
    if name == b"DUMP":
        return _body(reply, lambda payload: dumped(payload, command[1] in one.ending))
    if name == b"INFO":
        return _body(reply, told)
    if name == b"ACL" and command[1].upper() == b"GETUSER":
        return _without_selectors(reply)
    return reply


def _serve(one: Persona, client: socket.socket, port: int) -> None:
    """One session. Answers wait in memory, as in a server: a client may send long before it reads."""
    replies: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def tell() -> None:
        with contextlib.suppress(OSError):
            while reply := replies.get():
                client.sendall(reply)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    with client, socket.create_connection(("127.0.0.1", port)) as upstream:
        with contextlib.suppress(OSError, EOFError, ValueError):
            asked, answered = client.makefile("rb"), upstream.makefile("rb")
            while True:
                replies.put(answer(one, read_command(asked), upstream, answered))
        replies.put(b"")
        teller.join(timeout=10)


@contextlib.contextmanager
def persona(port: int, takes: int = TAKEN) -> Iterator[int]:
    """The port of a Dragonfly that keeps its data in the Redis on `port`."""
    one = Persona(takes)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=_serve, args=(one, client, port), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
