"""One entry of PgBouncer's section [databases], as text and as data. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ansible_collections.tiketi.platform.plugins.module_utils._pgbouncer.errors import PgBouncerError

NAME = re.compile(r"[A-Za-z0-9_.-]+")
HEAD = (
    "; Which server each database is on now. Managed by tiketi.platform: the role pgbouncer writes what is missing,\n"
    "; a move of data changes it, and neither takes back what the other did.\n"
    "[databases]\n"
)
# Text that would end the line, or that PgBouncer cuts a value at.
FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Server:
    """Where a database is. With `user`, every client uses that login there; without it, each its own."""

    host: str
    port: int = 5432
    dbname: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    connect_query: str = ""  # run on each new server connection
    pool_size: int = 0  # 0: the default of all databases

    @property
    def label(self) -> str:
        return f"{self.host}:{self.port}/{self.dbname}"

    @property
    def place(self) -> tuple[str, int, str]:
        return self.host, self.port, self.dbname

    def settings(self) -> dict[str, str]:
        known = {
            "host": self.host,
            "port": str(self.port),
            "dbname": self.dbname,
            "user": self.user,
            "password": self.password,
            "connect_query": self.connect_query,
            "pool_size": str(self.pool_size) if self.pool_size else "",
        }
        return {key: value for key, value in known.items() if value}


def _quoted(name: str, key: str, value: str) -> str:
    if FORBIDDEN.search(value):
        raise PgBouncerError(
            f"database {name}: {key} holds a line break or control character, which PgBouncer's configuration "
            "cannot hold. Mend: give a value without it."
        )
    return "'" + value.replace("'", "''") + "'"


def render(databases: Mapping[str, Server]) -> str:
    """The whole include file. Each value is quoted, so that no character of a password is special."""
    lines = []
    for name, server in sorted(databases.items()):
        if not NAME.fullmatch(name):
            raise PgBouncerError(
                f"database name {name!r} is not one that PgBouncer's configuration can hold. "
                "Mend: letters, digits, '_', '.' and '-' only."
            )
        words = [f"{key}={_quoted(name, key, value)}" for key, value in server.settings().items()]
        lines.append(f"{name} = {' '.join(words)}\n")
    return HEAD + "".join(lines)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r"(\w+)\s*=\s*(?:'((?:[^']|'')*)'|(\S+))", text):
        yield match[1], match[2].replace("''", "'") if match[2] is not None else match[3]


def parse(text: str, path: str = "the file") -> dict[str, Server]:
    """Read such a file back, also one that a person has edited."""
    found: dict[str, Server] = {}
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line[0] in ";#[":
            continue
        name, _, rest = line.partition("=")
        settings = dict(_pairs(rest))
        try:
            found[name.strip()] = Server(
                host=settings["host"],
                port=int(settings.get("port", "5432")),
                dbname=settings.get("dbname", name.strip()),
                user=settings.get("user", ""),
                password=settings.get("password", ""),
                connect_query=settings.get("connect_query", ""),
                pool_size=int(settings.get("pool_size", "0")),
            )
        except (KeyError, ValueError):
            # The line itself stays out of the message: it may hold a password.
            raise PgBouncerError(
                f"line {number} of {path} is not `name = host=... port=...`. "
                "Mend: correct it, or remove the file to have it written anew."
            ) from None
    return found


def public(server: Server) -> dict[str, str | int]:
    """What may be shown."""
    return {"host": server.host, "port": server.port, "dbname": server.dbname, "user": server.user}
