"""Keys from one server to the other: by payload where the target takes it, else by commands, big ones by pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import content
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError, ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.growth import Growing
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keys import (
    Expiry,
    batches,
    refusal,
    require,
    sizes,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import (
    GONE,
    MARKER,
    MEMBER_EXPIRY_FORMATS,
    MEMBERS,
    TYPES,
    Options,
    Server,
    Tally,
    shown,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.pieces import Pieces
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.server import dump_version
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Command, Link, restores

# Redis itself writes values up to here; above are formats of single products that share numbers but not meanings.
COMMON_FORMAT = 21
REBUILD = ("bad data format", "dump payload version")


@dataclass
class Side:
    """One end: its connection to one database and what it can."""

    link: Link
    server: Server

    @property
    def expiry(self) -> Expiry:
        return Expiry(self.link, "pexpiretime" in self.server.can, self.server.clock)


class Transfer:
    """Moves and compares portions of keys of one database."""

    def __init__(self, here: Side, there: Side, options: Options, tally: Tally) -> None:
        self.here, self.there, self.options, self.tally = here, there, options, tally
        self.pieces = Pieces(here.link, there.link, options.big_bytes)
        self.streams = Growing(here.link, there.link, here.server.clock)
        self.here_expiry, self.there_expiry = here.expiry, there.expiry
        self._in_flight: list[bytes] = []
        self._target_version = 0
        self.by_commands = "dump" not in here.server.can
        # Where both clocks agree a key that is about to end may be gone on one side and not on the other.
        self.slack = options.ttl_tolerance + int(abs(here.server.clock - there.server.clock))

    def move(self, keys: Sequence[bytes], compare: bool, weights: Sequence[int] = ()) -> None:
        """Make the target's keys what the source's are; with `compare` write only what differs."""
        weights = weights or sizes(self.here.link, keys, "memory" in self.here.server.can)
        big = {key: size for key, size in zip(keys, weights, strict=True) if size > self.options.big_bytes}
        small = [(key, size) for key, size in zip(keys, weights, strict=True) if key not in big]
        for batch in batches(
            [key for key, _ in small],
            [size for _, size in small],
            2 * self.options.batch_keys,  # SCAN gives some more than it was asked for
            self.options.batch_bytes,
        ):
            if self.by_commands:
                self._commands(batch, compare)
            else:
                self._payloads(batch, compare)
        for key, size in big.items():
            self.single(key, size, mend=True, whole=compare)
        self.tally.keys += len(keys)
        self.tally.bytes += sum(weights)

    def flush(self) -> None:
        """Read the answers of the batch that is still on its way to the target."""
        keys, self._in_flight = self._in_flight, []
        again = []
        for key, reply in zip(keys, self.there.link.receive(len(keys)), strict=True):
            if isinstance(reply, ReplyError):
                if self.by_commands or not str(reply).lower().removeprefix("err ").startswith(REBUILD):
                    raise RedisMoveError(refusal(self.there.link, reply, f"key {shown(key)}"))
                again.append(key)
        if again:
            self._commands(again, compare=False)

    def target_version(self) -> int:
        """The newest payload that the target takes: it dumps its own marker."""
        if not self._target_version:
            with Link(self.there.link.where) as link:  # the marker is in database 0
                payload = link.call("DUMP", MARKER)
            self._target_version = dump_version(payload) if payload else -1
        return self._target_version

    def _payloads(self, batch: list[bytes], compare: bool) -> None:
        self.here.link.send_about(batch, "DUMP", self.here_expiry.verb)
        if compare:
            self.flush()
            self.there.link.send_about(batch, "DUMP", self.there_expiry.verb)
        ours = self.here.link.receive(2 * len(batch))
        theirs = self.there.link.receive(2 * len(batch)) if compare else []
        self.flush()  # while the source was at work the target was, too
        rows: list[tuple[bytes, bytes, bytes]] = []
        gone: list[bytes] = []
        for index, key in enumerate(batch):
            payload, expires = ours[2 * index], self.here_expiry.value(ours[2 * index + 1])
            if isinstance(payload, ReplyError):
                raise RedisMoveError(refusal(self.here.link, payload, f"key {shown(key)}"))
            if payload is None or expires == -2:
                gone.append(key)
                continue
            if dump_version(payload) > self.target_version() > 0:
                self.by_commands = True
                break
            if compare and self.same(payload, expires, theirs[2 * index], theirs[2 * index + 1]):
                continue
            rows.append((key, b"%d" % max(expires, 0), payload))
        if self.by_commands:  # the version is the server's, so one payload tells for all
            self._commands(batch, compare)
            return
        self.drop(gone)
        self.there.link.send_encoded(restores(rows), len(rows))
        self._in_flight = [key for key, _, _ in rows]
        self.tally.written += len(rows)

    def same(self, payload: bytes, expires: int, there: Any, there_expires: Any) -> bool:
        """Equal bytes of a common format are equal contents; unequal ones say nothing."""
        if not isinstance(there, bytes) or payload[:-10] != there[:-10] or payload[0] > COMMON_FORMAT:
            return False
        return self.same_expiry(expires, self.there_expiry.value(there_expires))

    def same_expiry(self, ours: int, theirs: int) -> bool:
        if ours < 0 or theirs < 0:
            return ours == theirs
        return abs(ours - theirs) <= self.options.ttl_tolerance

    def _commands(self, batch: Sequence[bytes], compare: bool) -> None:
        """The way for payloads that the target does not know, and for what it answered `Bad data format` to."""
        if not self.by_commands or compare:
            self.flush()
        kinds = self.here.link.ask_about(batch, "TYPE")
        ours = content.read_many(self.here.link, self.here_expiry, batch, kinds)
        theirs = content.read_many(self.there.link, self.there_expiry, batch) if compare else [None] * len(batch)
        self._refuse_member_expiry([key for key, found in zip(batch, ours, strict=True) if found.kind in MEMBERS])
        commands: list[Command] = []
        names: list[bytes] = []
        gone: list[bytes] = []
        for key, mine, its in zip(batch, ours, theirs, strict=True):
            if mine.kind == GONE:
                gone.append(key)
            elif not mine.simple:
                self.single(key, 0, mend=True)
            elif its is None or mine.value != its.value or not self.same_expiry(mine.expires, its.expires):
                made = content.write(key, mine)
                commands += made
                names += [key] * len(made)
        self.drop(gone)
        self.flush()
        self.there.link.send(commands)
        self._in_flight = names
        if not self.by_commands:  # what is on its way by payload is answered in another way
            replies = self.there.link.receive(len(names))
            self._in_flight = []
            require(self.there.link, replies, names, lambda key: f"key {shown(key)}")
        self.tally.written += len(set(names))
        self.tally.rebuilt += len(set(names))

    def _refuse_member_expiry(self, keys: Sequence[bytes]) -> None:
        """Commands would lose the ends of single members; only the payload carries them, and it tells of them."""
        if not keys or "dump" not in self.here.server.can or not self.here.server.ends_members:
            return
        dumped = self.here.link.ask_about(keys, "DUMP")
        for key, payload in zip(keys, dumped, strict=True):
            if isinstance(payload, bytes) and payload[0] in MEMBER_EXPIRY_FORMATS:
                raise RedisMoveError(
                    f"key {shown(key)}: its members have expiries of their own, which the target's version does not know. "
                    "Mend: a target of the source's product and version, or declare the prefix as cache"
                )

    def single(self, key: bytes, size: int, mend: bool, whole: bool = True) -> str:
        """One key by its pieces: a stream, or one that is too big for a batch. What differed, in words.

        Without `whole` a stream that grew gets what is new; its first part is compared by whoever proves the copy.
        """
        self.flush()
        kind = self.here.link.call("TYPE", key)
        if kind == GONE:
            if mend:
                self.drop([key])
            return "" if mend else "gone"
        if kind not in TYPES:
            raise RedisMoveError(
                f"key {shown(key)} is of type {kind.decode()}, which the target does not know. "
                "Mend: remove it, or declare its prefix as cache or skip"
            )
        if kind in MEMBERS:
            self._refuse_member_expiry([key])
        size = size or max(sizes(self.here.link, [key], "memory" in self.here.server.can))
        try:
            wrong = (
                self.streams.sync(key, self.portion(key, size), mend, whole)
                if kind == b"stream"
                else self.pieces.sync(key, kind, size, mend)
            )
        except ReplyError as error:  # it changed its type or went away under our hands: the final pass sees it again
            wrong = f"it changed while it was read ({error})"
        ends = self.ending(key, mend)
        wrong = wrong or ends
        if mend and wrong:
            self.tally.written += 1
            self.tally.pieces += 1
        return wrong

    def portion(self, key: bytes, size: int = 0) -> int:
        """Entries of a stream in a flight."""
        size = size or max(sizes(self.here.link, [key], "memory" in self.here.server.can))
        length = max(1, int(self.here.link.call("XLEN", key)))
        return max(1, min(1000, self.options.big_bytes * length // max(size, 1)))

    def ending(self, key: bytes, mend: bool) -> str:
        """Compare when a key ends, and with `mend` make it so. In words; empty when it was the same."""
        expires, theirs = self.here_expiry.many([key])[0], self.there_expiry.many([key])[0]
        if self.same_expiry(expires, theirs):
            return ""
        if mend and expires >= 0:
            self.there.link.call("PEXPIREAT", key, expires)
        elif mend and expires == -1:
            self.there.link.call("PERSIST", key)
        return f"it ends at {expires} here and at {theirs} there"

    def drop(self, keys: Sequence[bytes]) -> None:
        """Keys that the source no longer has. Nothing may be on its way to the target."""
        if not keys:
            return
        self.flush()
        replies = self.there.link.ask_about(keys, "UNLINK")
        require(self.there.link, replies, keys, lambda key: f"key {shown(key)}")
        self.tally.deleted += sum(reply for reply in replies if isinstance(reply, int))
