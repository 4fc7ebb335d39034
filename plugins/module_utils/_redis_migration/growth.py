"""Streams that only grew: what was appended is carried over and what was cut off in front goes, so that the cost is that of the change.

An entry never changes, and none comes before the last id. So when a proved stream has, up to the id it then ended with, as many entries
as before, these are the same ones: the lengths of both sides are equal after what came later was carried over. Only a stream that was
deleted and written again with the very same ids escapes the count; entries from all over it are compared for that.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.stream import (
    HEAD,
    Streams,
    after,
    entries,
    unequal,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Command, Link, pairs

PLACES, ROWS = 16, 20  # samples of a stream, and entries of one


def order(entry: bytes) -> tuple[int, int]:
    """An id as it compares."""
    first, _, second = entry.partition(b"-")
    return int(first), int(second)


def _first(said: dict[str, Any]) -> bytes:
    row = said.get("first-entry")
    return bytes(row[0]) if row else b""


def _head(said: dict[str, Any]) -> dict[str, Any]:
    """Without the groups, which change by themselves."""
    return {name: said[name] for name in HEAD if name in said and name != "groups"}


class Growing(Streams):
    """Streams of which the target has the first part already."""

    def sync(self, key: bytes, portion: int, mend: bool, whole: bool = True) -> str:
        """As for any; with `mend` one that only grew is not built again. Without `whole` its first part is for a proof to compare."""
        wrong = self._compare_heads(key)
        if wrong and mend and self._grow(key, portion) and (not whole or self._equal_so_far(key, portion)):
            return wrong
        return super().sync(key, portion, mend)

    def follow(self, key: bytes, portion: int, told: bool) -> str:
        """Of a proved stream while nobody writes: what it grew by (when it was `told` as changed) and what its readers changed.

        What differs after that, in words. One that did more than grow is compared and built as a whole.
        """
        if self._compare_heads(key):
            kept = self._grow(key, portion)
        else:
            self._mend_groups(key, portion, "entries-added" in self._head(self.here, key))
            kept = True
        if not kept or (told and not self._alike(key)):
            return super().sync(key, portion, mend=True) and self.compare(key, portion)
        return self._differs(key) or self._compare_groups(key, portion)

    def prove(self, key: bytes, portion: int) -> bool:
        """While writers go on: brought up to the source, and every entry compared up to there. Built again where that fails, once."""
        if self._compare_heads(key) and not self._grow(key, portion):
            self._rebuild(key, portion)
        if self._equal_so_far(key, portion):
            return True
        self._rebuild(key, portion)
        return self._equal_so_far(key, portion)

    def _equal_so_far(self, key: bytes, portion: int) -> bool:
        """Whether every entry of the target is the source's, and none is missing up to the target's last id."""
        start = b"-"
        for rows in entries(self.there, key, portion):
            end = rows[-1][0]
            if not self._equal(key, rows, start, end):
                return False
            start = after(end)
        last = self._said(self.there, key)["last-generated-id"]
        return (start != b"-" and order(start) > order(last)) or not self.here.call("XRANGE", key, start, last)

    def _equal(self, key: bytes, rows: list[Any], start: bytes, end: bytes) -> bool:
        ours = self.here.call("XRANGE", key, start, end)
        if ours == rows:
            return True
        first = _first(self._said(self.here, key))  # the front may have been cut off since the heads were made equal
        if not first:
            return False
        kept = [row for row in rows if order(row[0]) >= order(first)]
        return bool(self.here.call("XRANGE", key, start, end) == kept)

    def _grow(self, key: bytes, portion: int) -> bool:
        """Append what is new and cut off what is gone in front. Whether the heads are equal then."""
        if self.there.call("TYPE", key) != b"stream":
            return False
        ours, theirs = self._said(self.here, key), self._said(self.there, key)
        first, last, known = _first(ours), ours["last-generated-id"], theirs["last-generated-id"]
        if not first or order(known) > order(last) or not self._cut_front(key, _first(theirs), first):
            return False
        for rows in entries(self.here, key, portion, after(known), last):
            self._write([("XADD", key, entry, *fields) for entry, fields in rows], key)
            if self.there.call("XRANGE", key, rows[0][0], rows[-1][0]) != rows:
                return False
        exact = self._set_head(key, _head(ours))
        if unequal(_head(ours), self._head(self.there, key)):
            return False
        self._mend_groups(key, portion, exact)
        return True

    def _cut_front(self, key: bytes, theirs: bytes, ours: bytes) -> bool:
        """Whether the target has nothing before the source's first entry."""
        if not theirs or order(theirs) >= order(ours):
            return True
        return not isinstance(self.there.ask([("XTRIM", key, "MINID", ours)])[0], ReplyError)  # not known before 6.2

    def _differs(self, key: bytes) -> str:
        return unequal(_head(self._said(self.here, key)), _head(self._said(self.there, key)))

    def _alike(self, key: bytes) -> bool:
        """Entries at both ends and at places between: the same on both sides."""
        said = self._said(self.here, key)
        first, last = said.get("first-entry"), said.get("last-entry")
        if not first or not last:
            return not self.there.call("XLEN", key)
        begin, end = order(first[0])[0], order(last[0])[0]
        asked: list[Command] = [("XREVRANGE", key, "+", "-", "COUNT", ROWS)]
        for place in range(PLACES):
            start = begin + (end - begin) * place // PLACES
            asked.append(("XRANGE", key, start, "+", "COUNT", ROWS))
        return bool(self.here.ask(asked) == self.there.ask(asked))

    @staticmethod
    def _said(link: Link, key: bytes) -> dict[str, Any]:
        return pairs(link.call("XINFO", "STREAM", key))
