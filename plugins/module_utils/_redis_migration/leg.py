"""One direction of a move: passes over all keys or some, and comparisons, over every database in use."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Set
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.compare import Compare
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import (
    RedisMoveError,
    ReplyError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keeper import Keeper
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keys import (
    chunks,
    scan,
    scan_sized,
    sizes,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import (
    CACHE,
    STATE,
    Difference,
    Options,
    Tally,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.readers import suspects
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.server import (
    databases,
    info,
    read_server,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.settle import Cost, settle
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.transfer import Side, Transfer
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link

MOST_DIFFERENCES = 1000
STREAM_PORTION = 200  # entries in a flight, where a stream has to be read
STREAMS = 500  # in a flight, where only their readers are looked at
SAVE_EVERY = 1.0  # seconds


class Leg:
    """From one server to another, with its own connections."""

    def __init__(self, source: Endpoint, target: Endpoint, options: Options) -> None:
        self.source, self.target, self.options = source, target, options
        self.tally = Tally()
        self._transfers: dict[int, Transfer] = {}
        self._links: list[Link] = []
        # One database is quiet while another is worked on, and all are between prepare and freeze.
        self._keeper = Keeper()
        self._closed = False
        self.took: dict[bytes, Cost] = {}
        self._here = self._look(source)
        self._there = self._look(target)

    def _look(self, where: Endpoint) -> Any:
        with Link(where) as link:
            return read_server(link)

    def close(self) -> None:
        """For good: a step that hung and wakes up later must not go on with new connections."""
        self._closed = True
        self._keeper.stop()
        for link in self._links:
            link.close()
        self._links.clear()
        self._transfers.clear()

    def _transfer(self, db: int) -> Transfer:
        if self._closed:
            raise RedisMoveError(f"the move from {self.source.label} to {self.target.label} was given up meanwhile")
        if db not in self._transfers:
            here, there = Link(self.source, db), Link(self.target, db)
            self._links += [here, there]
            self._keeper.keep(here, there)
            self._transfers[db] = Transfer(Side(here, self._here), Side(there, self._there), self.options, self.tally)
        return self._transfers[db]

    def databases(self) -> list[int]:
        """Those with keys on either side, now."""
        found: set[int] = {0}
        for where in (self.source, self.target):
            with Link(where) as link:
                found |= databases(info(link)).keys()
        return sorted(found)

    def keys(self) -> int:
        with Link(self.source) as link:
            return sum(databases(info(link)).values())

    def full_pass(
        self,
        compare: bool,
        start: tuple[int, bytes] = (0, b"0"),
        save: Callable[[int, bytes, Tally], None] = lambda db, cursor, tally: None,
    ) -> None:
        """Carry every key over; `save` is told from where a later run could go on."""
        saved = time.monotonic()
        for db in [number for number in self.databases() if number >= start[0]]:
            transfer = self._transfer(db)
            cursor = start[1] if db == start[0] else b"0"
            memory = "memory" in self._here.can
            portions = scan_sized(
                transfer.here.link, cursor, self.options.batch_keys, self.options.rules.wanted, memory
            )
            for after, keys, weights in portions:
                transfer.move(keys, compare, weights)
                if time.monotonic() - saved >= SAVE_EVERY and after != b"0":
                    transfer.flush()  # what is told as done is done
                    save(db, after, self.tally)
                    saved = time.monotonic()
            transfer.flush()

    def sweep(self) -> None:
        """Remove what the source no longer has, and stale cache: nobody works with the target yet."""
        for db in self.databases():
            transfer = self._transfer(db)
            for _, keys in scan(transfer.there.link, count=self.options.batch_keys):
                transfer.drop([key for key in keys if self.options.rules.of(key) == CACHE])
                wanted = self.options.rules.wanted(keys)
                alive = transfer.here.link.ask_about(wanted, "EXISTS")
                transfer.drop([key for key, there in zip(wanted, alive, strict=True) if there == 0])

    def move_keys(self, keys: Iterable[bytes]) -> int:
        """Carry these over, and their absence, in every database: the message of a change names no database."""
        wanted = self.options.rules.wanted(keys)
        for db in self.databases() if wanted else ():
            transfer = self._transfer(db)
            for portion in chunks(wanted, self.options.batch_keys):
                transfer.move(portion, compare=False)
            transfer.flush()
        return len(wanted)

    def settle(self, keys: Iterable[bytes]) -> list[Difference]:
        """Carry these over and compare them, in every database. `took` says afterwards what the big ones cost."""
        wanted = self.options.rules.wanted(keys)
        self.took = {}
        found: list[Difference] = []
        for db in self.databases() if wanted else ():
            for portion in chunks(wanted, self.options.batch_keys):
                found += settle(self._transfer(db), portion, self.took)
        return found

    def streams(self) -> set[bytes]:
        """Every stream: groups and what is pending change without a message."""
        found: set[bytes] = set()
        for db in self.databases():
            link = self._transfer(db).here.link
            cursor = b"0"
            while True:
                cursor, keys = link.call("SCAN", cursor, "COUNT", 5000, "TYPE", "stream")
                found.update(keys)
                if cursor == b"0":
                    break
        return found

    def big(self, keys: Iterable[bytes]) -> dict[bytes, int]:
        """Those that go by pieces, with their sizes."""
        wanted = self.options.rules.wanted(keys)
        found: dict[bytes, int] = {}
        for db in self.databases() if wanted else ():
            weights = sizes(self._transfer(db).here.link, wanted, "memory" in self._here.can)
            found |= {key: size for key, size in zip(wanted, weights, strict=True) if size > self.options.big_bytes}
        return found

    def built(self) -> set[bytes]:
        """Streams that were written whole since the last call; nobody has compared them."""
        found: set[bytes] = set()
        for transfer in self._transfers.values():
            found |= transfer.streams.built
            transfer.streams.built.clear()
        return found

    def unproved(self, streams: Iterable[bytes]) -> set[bytes]:
        """Bring these up to the source while writers go on, and compare every entry that both have. Those that differ."""
        found: set[bytes] = set()
        for transfer, key in self._each_stream(streams):
            try:
                equal = transfer.streams.prove(key, transfer.portion(key))
            except ReplyError:  # it went away under our hands, which is told as a change
                equal = False
            found |= set() if equal else {key}
        return found

    def follow(self, streams: Iterable[bytes], told: Set[bytes]) -> list[Difference]:
        """Carry over what readers of proved streams changed, and what those `told` of grew by. What differs even then."""
        found = [one for transfer, key in self._each_stream(told, all_kinds=True) for one in self._grown(transfer, key)]
        for transfer, rows in itertools.groupby(self._each_stream(set(streams) - told), key=lambda row: row[0]):
            for portion in chunks([key for _, key in rows], STREAMS):
                for key in suspects(transfer.here.link, transfer.there.link, portion, STREAM_PORTION):
                    wrong = transfer.streams.follow(key, STREAM_PORTION, told=False)
                    found += [Difference(transfer.here.link.db, key, "different", wrong)] if wrong else []
        return found

    @staticmethod
    def _grown(transfer: Transfer, key: bytes) -> list[Difference]:
        if transfer.here.link.call("TYPE", key) != b"stream":  # in this database, or no more
            transfer.move([key], compare=False)
            transfer.flush()
            return Compare(transfer).differences([key])
        wrong = transfer.streams.follow(key, transfer.portion(key), told=True)
        transfer.ending(key, mend=True)
        wrong = wrong or transfer.ending(key, mend=False)
        return [Difference(transfer.here.link.db, key, "different", wrong)] if wrong else []

    def _each_stream(self, keys: Iterable[bytes], all_kinds: bool = False) -> Iterator[tuple[Transfer, bytes]]:
        """Each in every database where it is a stream, or whatever it is there."""
        wanted = self.options.rules.wanted(keys)
        for db in self.databases() if wanted else ():
            transfer = self._transfer(db)
            kinds = transfer.here.link.ask_about(wanted, "TYPE")
            for key, kind in zip(wanted, kinds, strict=True):
                if all_kinds or kind == b"stream":
                    yield transfer, key

    def all_differences(
        self, beat: Callable[[Tally], None] = lambda tally: None, most: int = MOST_DIFFERENCES
    ) -> list[Difference]:
        """Compare everything, both ways. Stops to remember, not to count, where more than `most` differ."""
        found: list[Difference] = []
        for db in self.databases():
            transfer = self._transfer(db)
            for _, keys in scan(transfer.here.link, count=self.options.batch_keys):
                found += Compare(transfer).differences(self.options.rules.wanted(keys))
                del found[most:]
                beat(self.tally)
            for _, keys in scan(transfer.there.link, count=self.options.batch_keys):
                found += self._extra(transfer, self.options.rules.wanted(keys))
                del found[most:]
        return found

    @staticmethod
    def _extra(transfer: Transfer, keys: list[bytes]) -> list[Difference]:
        alive = transfer.here.link.ask_about(keys, "EXISTS")
        suspects = [key for key, there in zip(keys, alive, strict=True) if isinstance(there, ReplyError) or there == 0]
        return Compare(transfer).differences(suspects) if suspects else []

    def count_state(self) -> int:
        """Keys of the target that are state, for the report."""
        total = 0
        for db in self.databases():
            for _, keys in scan(self._transfer(db).there.link, count=5000):
                total += sum(self.options.rules.of(key) == STATE for key in keys)
        return total
