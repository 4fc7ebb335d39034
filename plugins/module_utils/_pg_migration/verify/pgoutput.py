"""Which keys a change touched, out of pgoutput's messages (protocol version 1). Pure: bytes in, keys out.

A message may have been cut off by us (a row of hundreds of megabytes); what cannot be read makes the whole table suspect, never nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Key = tuple[str | None, ...]
COUNT, LENGTH = struct.Struct("!h"), struct.Struct("!i")
VALUE, NULL = b"tb", ord("n")
UNCHANGED = object()  # a long value that an update left alone and that was therefore not sent


class CutOffError(Exception):
    """The message ends before what is wanted of it."""


@dataclass(frozen=True)
class Relation:
    schema: str
    name: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Touched:
    """A row of a table changed; without a key: any of its rows may have."""

    schema: str
    name: str
    key: Key | None


class Reader:
    """Walks through one message."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise CutOffError
        part = self.data[self.at : self.at + count]
        self.at += count
        return part

    def number(self, layout: str) -> int:
        return int(struct.unpack(layout, self.take(struct.calcsize(layout)))[0])

    def kind(self) -> bytes:
        return self.take(1)

    def text(self) -> str:
        end = self.data.find(b"\0", self.at)
        if end < 0:
            raise CutOffError
        return self.take(end - self.at + 1)[:-1].decode()

    def row(self, places: Sequence[int], final: bool) -> dict[int, object]:
        """Bytes of text, None for NULL, UNCHANGED for what was not sent. Only the wanted ones are taken out: this is the hot loop."""
        data, at, found = self.data, self.at + 2, dict[int, object]()
        last = max(places) if final else -1
        try:
            for place in range(COUNT.unpack_from(data, self.at)[0]):
                kind = data[at]
                at += 1
                if kind in VALUE:
                    size = LENGTH.unpack_from(data, at)[0]
                    at += 4 + size
                    if place in places:
                        if at > len(data):
                            raise CutOffError
                        found[place] = data[at - size : at]
                elif place in places:
                    found[place] = None if kind == NULL else UNCHANGED
                if place == last:
                    break
        except (IndexError, struct.error):
            raise CutOffError from None
        if at > len(data) and not final:
            raise CutOffError
        self.at = at
        return found


class Decoder:
    """Remembers the relations that one reading of the slot has named."""

    def __init__(self, keys: Mapping[tuple[str, str], Sequence[str]]) -> None:
        self.keys = keys
        self.relations: dict[int, Relation] = {}
        self.begun = 0  # where the commit of the transaction stands that is read now
        self.committed = 0  # end of the last whole transaction

    def read(self, data: bytes) -> Iterator[Touched]:
        reader = Reader(data)
        kind = reader.kind()
        if kind == b"R":
            self._relation(reader)
        elif kind == b"B":
            self.begun = reader.number("!q")
        elif kind == b"C":
            reader.take(9)
            self.committed = reader.number("!q")
        elif kind == b"T":
            count = reader.number("!i")
            reader.take(1)
            for _ in range(count):
                relation = self.relations[reader.number("!i")]
                yield Touched(relation.schema, relation.name, None)
        elif kind in (b"I", b"U", b"D"):
            relation = self.relations[reader.number("!i")]
            try:
                for key in self._keys(reader, relation, kind):
                    yield Touched(relation.schema, relation.name, key)
            except CutOffError:
                yield Touched(relation.schema, relation.name, None)

    def _relation(self, reader: Reader) -> None:
        number = reader.number("!i")
        schema, name = reader.text() or "pg_catalog", reader.text()
        reader.take(1)
        columns = []
        for _ in range(reader.number("!h")):
            reader.take(1)
            columns.append(reader.text())
            reader.take(8)
        self.relations[number] = Relation(schema, name, tuple(columns))

    def _keys(self, reader: Reader, relation: Relation, kind: bytes) -> Iterator[Key | None]:
        """Of the old row where it was sent, and of the new one."""
        wanted = self.keys.get((relation.schema, relation.name), ())
        if not wanted or not set(wanted) <= set(relation.columns):
            yield None
            return
        places = [relation.columns.index(name) for name in wanted]
        old: dict[int, object] = {}
        while reader.at < len(reader.data):
            final = reader.kind() == b"N"
            row = reader.row(places, final)
            # A long key that did not change is sent with the old row only.
            values = [old.get(place, UNCHANGED) if row[place] is UNCHANGED else row[place] for place in places]
            yield _decoded(values)
            if final:
                return
            old = row
        if kind != b"D":
            raise CutOffError  # the new row should have followed


def _decoded(values: Sequence[object]) -> Key | None:
    """None where a value was not sent or is no text (a database without an encoding): then any row may be meant."""
    try:
        texts = [value.decode() if isinstance(value, bytes) else value for value in values]
    except UnicodeDecodeError:
        return None
    return None if UNCHANGED in texts else tuple(None if text is None else str(text) for text in texts)
