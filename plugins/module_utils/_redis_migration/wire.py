"""One connection to a Redis server: raw replies, batches in flight, verified TLS. Standard library only, so hosts need no package.

The client libraries differ in their replies from version to version; a move wants the bytes as the server sent them.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import (
    RedisConnectError,
    ReplyError,
)

Command = tuple["bytes | str | int", ...]
ARGUMENT = b"$%d\r\n%b\r\n"
_RESTORE = b"*6\r\n$7\r\nRESTORE\r\n" + 3 * ARGUMENT + b"$7\r\nREPLACE\r\n$6\r\nABSTTL\r\n"

MENDS = (
    ("unable to get local issuer", "the certificate is not signed by {ca}: give the right CA file"),
    ("self-signed certificate", "the certificate is not signed by {ca}: give the right CA file"),
    ("self signed certificate", "the certificate is not signed by {ca}: give the right CA file"),
    ("certificate has expired", "renew the server's certificate, or the CA file {ca}"),
    ("certificate verify failed", "the certificate is not signed by {ca}, or names another host: connect by its name"),
    ("wrong_version_number", "the server speaks no TLS on this port: tls is off there"),
    ("no such file", "the CA file {ca} is not there: role data_runner copies it"),
    ("wrongpass", "the secret's password is not what the server has"),
    ("invalid password", "the secret's password is not what the server has"),
    ("without any password configured", "the server has no password: give none, and set one there"),
    ("noauth", "the server wants a password: give it one"),
    ("name or service not known", "the name resolves inside the network only: run on a host inside the VPC"),
    ("refused", "nothing listens there, or a security group rejects it"),
    ("timed out", "no answer: a security group or route between this runner and the server, or TLS is required there"),
    ("max number of clients", "raise maxclients or stop other clients"),
    ("closed", "the server ended the connection: see its log, and whether it wants TLS"),
    ("reset", "the server ended the connection: see its log, and whether it wants TLS"),
)


def explain(where: Endpoint, reason: str) -> str:
    """A failure of a connection in one sentence, with its mend."""
    text = " ".join(reason.split())
    mend = next((mend for sign, mend in MENDS if sign in text.lower()), "see the server's log")
    ca = where.ca_file or "the trust store of the system"
    return f"{where.side} {where.label} as {where.login}: {text}. Mend: {mend.format(ca=ca)}"


@functools.lru_cache(maxsize=512)
def _word(text: str) -> bytes:
    raw = text.encode()
    return ARGUMENT % (len(raw), raw)


def encode(commands: Iterable[Command]) -> bytes:
    """Commands as the protocol has them."""
    parts: list[bytes] = []
    add = parts.append
    for command in commands:
        add(b"*%d\r\n" % len(command))
        for argument in command:
            if isinstance(argument, bytes):
                add(ARGUMENT % (len(argument), argument))
            elif isinstance(argument, str):
                add(_word(argument))
            else:  # mostly times, of which no two are the same
                digits = str(argument).encode()
                add(ARGUMENT % (len(digits), digits))
    return b"".join(parts)


@functools.lru_cache(maxsize=64)
def _questions(verbs: tuple[str, ...]) -> bytes:
    words = [verb.split() for verb in verbs]
    return b"".join(b"*%d\r\n%b" % (len(said) + 1, b"".join(map(_word, said))) + ARGUMENT for said in words)


def about(keys: Iterable[bytes], *verbs: str) -> bytes:
    """A command of each verb (of one word or two) about each key, encoded: the hot path of a pass."""
    template, count = _questions(verbs), len(verbs)
    if count == 2:
        return b"".join([template % (len(key), key, len(key), key) for key in keys])
    return b"".join([template % ((len(key), key) * count) for key in keys])


def restores(rows: Iterable[tuple[bytes, bytes, bytes]]) -> bytes:
    """Commands that write each key, with when it ends and its payload, encoded."""
    return b"".join([_RESTORE % (len(key), key, len(ends), ends, len(dump), dump) for key, ends, dump in rows])


class Link:
    """A logged-in connection to one database of one server."""

    def __init__(self, where: Endpoint, db: int = 0, timeout: float | None = 60.0) -> None:
        self.where, self.db = where, db
        self._sending = threading.Lock()
        self._awaited = 0  # replies that are still to be read
        try:
            self._socket = self._open(timeout)
            self._file = self._socket.makefile("rb", buffering=262144)
        except (OSError, ValueError) as error:
            raise RedisConnectError(explain(where, str(error))) from None
        try:
            if where.password:
                self.call("AUTH", *([where.username] if where.username else []), where.password)
            else:
                self.call("PING")
            if db:
                self.call("SELECT", db)
        except ReplyError as error:
            self.close()
            raise RedisConnectError(explain(where, str(error))) from None

    def _open(self, timeout: float | None) -> socket.socket:
        plain = socket.create_connection((self.where.host, self.where.port), timeout=10)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            opened: socket.socket = plain
            if self.where.tls:
                context = ssl.create_default_context(cafile=self.where.ca_file or None)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                opened = context.wrap_socket(plain, server_hostname=self.where.host)
        except BaseException:
            plain.close()
            raise
        opened.settimeout(timeout)
        return opened

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._socket.close()

    def call(self, *command: bytes | str | int) -> Any:
        """One command; a refusal is raised."""
        self.send([command])
        reply = self.receive(1)[0]
        if isinstance(reply, ReplyError):
            raise reply
        return reply

    def ask(self, commands: Sequence[Command]) -> list[Any]:
        """Many commands in one flight; a refusal is a value among the replies."""
        self.send(commands)
        return self.receive(len(commands))

    def ask_about(self, keys: Sequence[bytes], *verbs: str) -> list[Any]:
        """A question of each verb about each key, in one flight."""
        self.send_about(keys, *verbs)
        return self.receive(len(keys) * len(verbs))

    def send_about(self, keys: Sequence[bytes], *verbs: str) -> None:
        self.send_encoded(about(keys, *verbs), len(keys) * len(verbs))

    def send(self, commands: Sequence[Command]) -> None:
        self.send_encoded(encode(commands), len(commands))

    def send_encoded(self, data: bytes, count: int) -> None:
        """`count` commands that are encoded already."""
        with self._sending:
            self._awaited += count
            self._send(data)

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise RedisConnectError(explain(self.where, str(error))) from None

    def receive(self, count: int) -> list[Any]:
        """The next replies. Those of most commands of a pass, payloads and numbers, are read without a call of `read` each."""
        replies: list[Any] = []
        add, readline, read = replies.append, self._file.readline, self._file.read
        try:
            for _ in range(count):
                line = readline()
                kind = line[:1]
                if kind == b"$" and (size := int(line[1:])) >= 0:
                    body = read(size + 2)
                    if len(body) < size + 2:
                        raise RedisConnectError(explain(self.where, "the connection was closed"))
                    add(body[:-2])
                elif kind == b":":
                    add(int(line[1:]))
                else:
                    add(self._reply(line))
        except (OSError, ValueError) as error:
            raise RedisConnectError(explain(self.where, str(error))) from None
        self._awaited -= count
        return replies

    def keep_awake(self) -> None:
        """A ping by another thread, unless an answer is awaited: then the server is at work for us."""
        with self._sending:
            if not self._awaited:
                self._send(encode([("PING",)]))
                self.read()

    def read(self) -> Any:
        """The next reply."""
        try:
            return self._reply(self._file.readline())
        except (OSError, ValueError) as error:
            raise RedisConnectError(explain(self.where, str(error))) from None

    def _reply(self, line: bytes) -> Any:
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            size = int(rest)
            if size < 0:
                return None
            body = self._file.read(size + 2)
            if len(body) == size + 2:
                return body[:-2]
            line = b""
        elif kind == b":":
            return int(rest)
        elif kind == b"+":
            return rest
        elif kind == b"*":
            size = int(rest)
            return None if size < 0 else [self.read() for _ in range(size)]
        elif kind == b"-":
            return ReplyError(rest.decode("utf-8", "backslashreplace"))
        raise RedisConnectError(explain(self.where, "the connection was closed" if not line else "no Redis reply"))


def both(here: Link, there: Link, question: Command) -> tuple[Any, Any]:
    """One question to two servers, which are at work at the same time."""
    here.send([question])
    there.send([question])
    ours, theirs = here.receive(1)[0], there.receive(1)[0]
    for reply in (ours, theirs):
        if isinstance(reply, ReplyError):
            raise reply
    return ours, theirs


def pairs(flat: Any) -> dict[str, Any]:
    """A flat reply of names and values as a mapping."""
    return {name.decode("utf-8", "replace"): value for name, value in zip(flat[::2], flat[1::2], strict=False)}
