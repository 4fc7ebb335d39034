"""A big list: brought in line with the source's by what was pushed and popped, so that little is written; every element is compared.

Where the two begin to differ is a guess from their ends. A wrong guess costs writing, never a wrong list: each portion is compared
after it, and what is mended is read back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import ReplyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Command, Link, both

RUN = 20  # elements by which a place is known again
PLACES = 10  # how many equal elements are tried
SINGLE = 4  # of so many elements one may differ, where they are set one by one


class Lists:
    """One list at a time; `write` sends commands that must succeed to the target."""

    def __init__(self, here: Link, there: Link, write: Callable[[list[Command], bytes], None]) -> None:
        self.here, self.there, self.write = here, there, write

    def sync(self, key: bytes, count: int, mend: bool) -> tuple[str, str]:
        """What differed and what differs even now, in words."""
        length, theirs = both(self.here, self.there, ("LLEN", key))
        found, left = length != theirs, False
        if mend and theirs:
            self._align(key, length - theirs, count)
            if int(self.there.call("LLEN", key)) > length > 0:
                self.write([("LTRIM", key, 0, length - 1)], key)
        for start in range(0, length, count):
            if found and not mend:
                break
            question: Command = ("LRANGE", key, start, start + count - 1)
            ours, its = both(self.here, self.there, question)
            if ours == its:
                continue
            found = True
            if mend and ours:
                self.write(_mending(key, start, ours, its), key)
                left = left or self.there.call(*question) != ours
        words = f"{length} elements, and those or their order differ"
        return words if found else "", words if left else ""

    def _align(self, key: bytes, more: int, count: int) -> None:
        """Give the target the source's front, where the rest can be found again. `more`: what the source is longer by."""
        ours, theirs = both(self.here, self.there, ("LRANGE", key, 0, RUN - 1))
        if ours == theirs:
            return
        last, its_last = both(self.here, self.there, ("LRANGE", key, -RUN, -1))
        if last == its_last:  # pushed and popped in front only
            popped, pushed = max(0, -more), max(0, more)
        else:
            popped = self._place(self.there, key, ours)
            pushed = 0 if popped else self._place(self.here, key, theirs)
        if popped:
            self.write([("LTRIM", key, popped, -1)], key)
        for end in range(pushed, 0, -count):
            rows = self.here.call("LRANGE", key, max(0, end - count), end - 1)
            if rows:
                self.write([("LPUSH", key, *reversed(rows))], key)

    @staticmethod
    def _place(link: Link, key: bytes, run: list[bytes]) -> int:
        """Where these elements stand now; 0 where that is not found."""
        places = link.ask([("LPOS", key, run[0], "COUNT", PLACES)])[0] if run else []
        for place in [] if isinstance(places, ReplyError) else places:  # not known before 6.0.6
            rows = link.call("LRANGE", key, place, place + len(run) - 1)
            if rows == run[: len(rows)]:
                return int(place)
        return 0


def _mending(key: bytes, start: int, ours: list[Any], its: list[Any]) -> list[Command]:
    """Commands that make one portion of the target so; what comes after it goes where its place has moved."""
    if len(ours) == len(its):
        wrong = [index for index, (a, b) in enumerate(zip(ours, its, strict=True)) if a != b]
        if SINGLE * len(wrong) <= max(len(ours), SINGLE):
            return [("LSET", key, start + index, ours[index]) for index in wrong]
    if its == ours[: len(its)]:  # the target ends here
        return [("RPUSH", key, *ours[len(its) :])]
    cut: Command = ("LTRIM", key, 0, start - 1) if start else ("UNLINK", key)
    return [cut, ("RPUSH", key, *ours)]
