"""The online part: passes until little is left, with a record of what was changed meanwhile, and the comparison of everything."""

from __future__ import annotations

import time
from collections.abc import Callable

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import DifferentError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import Difference, shown
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.settle import (
    BIG_RATE,
    Cost,
    hot_words,
    named,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.telling import Tell, Telling, nobody
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.tracking import (
    MOST_KEYS,
    Follower,
)

FEW_KEYS, MOST_ROUNDS = 500, 5
FIXED = 0.2  # seconds in the freeze where changes are known, whatever the number of keys
STREAM_RATE = 2000  # streams a second whose readers are looked at, measured on two shared cores
ROUNDS = 2.5  # where they are not, in passes over everything: one, and the comparison (docs/figures.md)


def known_changes(streams: int) -> float:
    """Seconds of a freeze where the source tells changed keys."""
    return FIXED + streams / STREAM_RATE


class Approach:
    """Brings a target near a living source, and in a freeze all the way."""

    def __init__(
        self, leg: Leg, follower: Follower, say: Callable[[str], None] = lambda words: None, tell: Tell = nobody
    ) -> None:
        self.leg, self.follower, self.say, self.tell = leg, follower, say, tell
        self.proved = False  # everything was compared, and every change since is known
        self.pass_seconds = 0.0  # of everything, measured
        self.streams: set[bytes] = set()  # of the online proof; one made since is told as changed
        self.doubtful: set[bytes] = set()  # streams that were not equal while they were written to
        self.hot: dict[bytes, Cost] = {}  # big keys that were written to in the last pass, too
        self.owed: set[bytes] = set()  # written to since they were compared

    def online(self, compare: bool) -> None:
        """The slow part, while users work."""
        self.proved = False
        follows = self.follower.start()
        began = time.monotonic()
        telling = Telling("first pass", self.leg.keys(), self.tell)
        self.leg.full_pass(compare, save=lambda db, cursor, tally: telling(tally.keys))
        self.leg.sweep()
        self.pass_seconds = time.monotonic() - began
        if not follows:
            self.say("the source does not tell changed keys: the freeze goes through all keys again")
            return
        self._catch_up()
        self._prove()
        self.again()

    def _catch_up(self) -> None:
        for _ in range(MOST_ROUNDS):
            if self.leg.move_keys(self.follower.take()) <= FEW_KEYS:
                return

    def _prove(self) -> None:
        """What differs and was not changed since is a fault now; what was changed is looked at again."""
        self.leg.built()  # until now; those are compared here
        telling, before = Telling("comparison", self.leg.keys(), self.tell), self.leg.tally.compared
        different = self.leg.all_differences(beat=lambda tally: telling(tally.compared - before), most=MOST_KEYS)
        changed = self.follower.take()
        if self.follower.lost or len(different) >= MOST_KEYS:
            return
        streams = self.leg.streams()
        self._refuse([found for found in different if found.key not in changed | streams])
        self._prove_streams(streams, {found.key for found in different} | self.leg.built())
        self.owed = changed
        self.proved = True

    @staticmethod
    def _refuse(faults: list[Difference]) -> None:
        if faults:
            raise DifferentError(
                "the copy differs from the source in keys that nobody wrote to", list(map(str, faults))
            )

    def again(self) -> None:
        """What was written to since it was compared is carried over and compared, until little is left for the freeze."""
        self.hot = {}
        for _ in range(MOST_ROUNDS if self.proved else 0):
            self.owed |= self.follower.take()
            if self.follower.lost or not self.owed:
                return
            self._prove_owed()
            self.hot = self._costs()
            if len(self.owed) <= FEW_KEYS and self.hot.keys() <= self.leg.took.keys():  # once more finds the same ones
                return

    def _prove_owed(self) -> None:
        """A big stream stays owed: it is never equal while it is written to, and the freeze reads only what it grew by."""
        streams = self.leg.big(self.owed & self.streams).keys() | self.owed & self.doubtful
        self.leg.move_keys(streams)
        different = self.leg.settle(self.owed - streams)
        changed = self.follower.take()
        if self.follower.lost:
            return
        suspects = {found.key for found in different} - changed
        readers = suspects & self.leg.streams() if suspects else set()  # they change a stream without a message
        self._refuse([found for found in different if found.key in suspects - readers])
        self.owed = changed | streams | readers

    def _costs(self) -> dict[bytes, Cost]:
        """Of the big keys that the freeze will read: as the last pass measured, else by the rates of another machine."""
        big = self.leg.big(self.owed - self.streams - self.doubtful)
        return {key: self.leg.took.get(key, Cost(size, size / BIG_RATE)) for key, size in big.items()}

    def _prove_streams(self, streams: set[bytes], unequal: set[bytes]) -> None:
        """One that is written to is never equal as a whole; what both sides have of it is."""
        self.doubtful = self.leg.unproved(streams & unequal)
        self.streams = streams - self.doubtful
        self.leg.built()
        if self.doubtful:
            names = ", ".join(shown(key) for key in sorted(self.doubtful)[:5])
            self.say(
                f"entries of streams are taken out while they are read, so these are read whole in the freeze: {names}"
            )

    def predict(self) -> float:
        """Seconds that `frozen` will take; which keys make it long is said."""
        if self.proved and not self.follower.lost:
            if self.hot:
                self.say(hot_words(named(self.hot)))
            return known_changes(len(self.streams)) + sum(cost.seconds for cost in self.hot.values())
        return FIXED + ROUNDS * self.pass_seconds

    def frozen(self) -> list[Difference]:
        """Nobody writes now: carry over the rest and compare what changed, or all where that is not known."""
        changed = self.owed | self.follower.take()
        if self.follower.lost or not self.proved:
            self.leg.full_pass(compare=True)
            self.leg.sweep()
            found = self.leg.all_differences()
            self.proved = True
            return found
        rebuilt = self.leg.built()  # by the last catching up
        grown = set(self.leg.big((changed & self.streams) - rebuilt))
        whole = (changed | self.doubtful | rebuilt) - grown
        found = self.leg.settle(whole) + self.leg.follow(self.streams - whole, grown)
        late = self.follower.take()
        if late or self.follower.lost:  # expiry stands still in a freeze, so this was a writer
            return [Difference(0, key, "different", "written to in the freeze") for key in sorted(late)] or [
                Difference(0, b"*", "different", "the record of changes was lost in the freeze")
            ]
        return found
