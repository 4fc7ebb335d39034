"""Comparing keys of both sides by what their types mean; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration import content
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keys import batches, sizes
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import GONE, Difference
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.transfer import Transfer


class Compare:
    """Finds where the target is not the source, in one database, through the connections of a transfer."""

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer
        self.here, self.there, self.options = transfer.here, transfer.there, transfer.options

    def differences(self, keys: Sequence[bytes]) -> list[Difference]:
        """Where the target is not the source; nothing is written."""
        weights = sizes(self.here.link, keys, "memory" in self.here.server.can)
        # A key that is gone has no size; it is asked for like any other.
        big = {key: size for key, size in zip(keys, weights, strict=True) if size > self.options.big_bytes}
        found: list[Difference] = []
        small = [(key, size) for key, size in zip(keys, weights, strict=True) if key not in big]
        for batch in batches(
            [key for key, _ in small],
            [size for _, size in small],
            2 * self.options.batch_keys,
            self.options.batch_bytes,
        ):
            suspects = batch if self.transfer.by_commands else self._unequal_payloads(batch)
            found += self._unequal_contents(suspects)
        for key, size in big.items():
            found += self._judge_single(key, size)
        self.transfer.tally.compared += len(keys)
        return found

    def _unequal_payloads(self, batch: list[bytes]) -> list[bytes]:
        self.here.link.send_about(batch, "DUMP", self.transfer.here_expiry.verb)
        self.there.link.send_about(batch, "DUMP", self.transfer.there_expiry.verb)
        ours, theirs = self.here.link.receive(2 * len(batch)), self.there.link.receive(2 * len(batch))
        return [
            key
            for index, key in enumerate(batch)
            if not isinstance(ours[2 * index], bytes)
            or not self.transfer.same(
                ours[2 * index],
                self.transfer.here_expiry.value(ours[2 * index + 1]),
                theirs[2 * index],
                theirs[2 * index + 1],
            )
        ]

    def _unequal_contents(self, batch: Sequence[bytes]) -> list[Difference]:
        if not batch:
            return []
        ours = content.read_many(self.here.link, self.transfer.here_expiry, batch)
        theirs = content.read_many(self.there.link, self.transfer.there_expiry, batch)
        found: list[Difference] = []
        for key, mine, its in zip(batch, ours, theirs, strict=True):
            if GONE in (mine.kind, its.kind):
                found += self._one_sided(key, mine.expires, its.expires)
            elif not mine.simple:
                found += self._judge_single(key, 0)
            elif mine.kind != its.kind:
                found.append(self._different(key, f"a {mine.kind.decode()} here, a {its.kind.decode()} there"))
            elif mine.value != its.value:
                found.append(self._different(key, f"the content of the {mine.kind.decode()} differs"))
            elif not self.transfer.same_expiry(mine.expires, its.expires):
                found.append(self._different(key, f"it ends at {mine.expires} here and at {its.expires} there"))
        return found

    def _judge_single(self, key: bytes, size: int) -> list[Difference]:
        wrong = self.transfer.single(key, size, mend=False)
        if not wrong:
            return []
        ends = (self.transfer.here_expiry.many([key])[0], self.transfer.there_expiry.many([key])[0])
        return self._one_sided(key, *ends) if -2 in ends else [self._different(key, wrong)]

    def _one_sided(self, key: bytes, ours: int, theirs: int) -> list[Difference]:
        """A key on one side only, unless it just ended there and is about to end here."""
        if ours == theirs == -2:
            return []
        living, expiry = (ours, self.transfer.here_expiry) if theirs == -2 else (theirs, self.transfer.there_expiry)
        if 0 <= living <= expiry.now + self.transfer.slack:
            return []
        return [Difference(self.here.link.db, key, "missing" if theirs == -2 else "extra")]

    def _different(self, key: bytes, detail: str) -> Difference:
        return Difference(self.here.link.db, key, "different", detail)
