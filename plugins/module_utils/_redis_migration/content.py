"""Small keys by their own commands, many in a flight: for targets that refuse the source's payload, and for comparing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keys import Expiry
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import GONE
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Command, Link

READ: dict[bytes, tuple[str, tuple[str | int, ...]]] = {
    b"string": ("GET", ()),
    b"list": ("LRANGE", (0, -1)),
    b"set": ("SMEMBERS", ()),
    b"zset": ("ZRANGE", (0, -1, "WITHSCORES")),
    b"hash": ("HGETALL", ()),
}


@dataclass(frozen=True)
class Content:
    """A key as its type sees it. `value` compares equal exactly when the contents are."""

    kind: bytes
    value: Any = None
    expires: int = -1

    @property
    def simple(self) -> bool:
        return self.kind in READ


def _value(kind: bytes, reply: Any) -> Any:
    if kind == b"set":
        return frozenset(reply)
    if kind == b"hash":
        return dict(zip(reply[::2], reply[1::2], strict=True))
    if kind == b"zset":
        return {member: float(score) for member, score in zip(reply[::2], reply[1::2], strict=True)}
    return tuple(reply) if kind == b"list" else reply


def read_many(link: Link, expiry: Expiry, keys: Sequence[bytes], kinds: Sequence[bytes] | None = None) -> list[Content]:
    """Type, content and expiry of each; a stream or foreign type comes without its content."""
    found = list(kinds) if kinds is not None else link.ask_about(keys, "TYPE")
    commands: list[Command] = []
    for key, kind in zip(keys, found, strict=True):
        verb, rest = READ.get(kind, ("EXISTS", ()))
        commands += [(verb, key, *rest), (expiry.verb, key)]
    replies = link.ask(commands)
    contents = []
    for index, kind in enumerate(found):
        reply, expires = replies[2 * index], expiry.value(replies[2 * index + 1])
        if kind == GONE or expires == -2:
            contents.append(Content(GONE, None, -2))
        elif isinstance(reply, ReplyError):  # it changed its type between the two questions
            contents.append(Content(b"moving"))
        else:
            contents.append(Content(kind, _value(kind, reply) if kind in READ else None, expires))
    return contents


def write(key: bytes, content: Content) -> list[Command]:
    """Commands that make the key so, whatever was there."""
    value = content.value
    commands: list[Command] = [("UNLINK", key)] if content.kind != b"string" else []
    if content.kind == b"string":
        commands.append(("SET", key, value))
    elif content.kind == b"list":
        commands.append(("RPUSH", key, *value))
    elif content.kind == b"set":
        commands.append(("SADD", key, *value))
    elif content.kind == b"hash":
        commands.append(("HSET", key, *(part for pair in value.items() for part in pair)))
    elif content.kind == b"zset":
        commands.append(("ZADD", key, *scored(value.items())))
    if content.expires >= 0:
        commands.append(("PEXPIREAT", key, content.expires))
    return commands


def scored(members: Iterable[tuple[bytes, float]]) -> list[bytes | str]:
    """Scores before members, with every digit that a double has."""
    return [part for member, score in members for part in (repr(score), member)]
