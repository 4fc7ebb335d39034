"""What the comparison decides without a server: keys out of changes, their file, portions of what differs."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import facts
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import objects, ranges
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.keys import Keys
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.pgoutput import Decoder, Touched
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.ranges import Sums
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.subject import Column, Subject
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore import catalog

NULL, UNCHANGED = object(), object()


def relation(number: int, schema: str, name: str, *columns: str) -> bytes:
    data = b"R" + struct.pack("!i", number) + schema.encode() + b"\0" + name.encode() + b"\0" + b"d"
    data += struct.pack("!h", len(columns))
    return data + b"".join(b"\1" + column.encode() + b"\0" + struct.pack("!ii", 25, -1) for column in columns)


def row(*values: object) -> bytes:
    data = struct.pack("!h", len(values))
    for value in values:
        if value is NULL:
            data += b"n"
        elif value is UNCHANGED:
            data += b"u"
        else:
            raw = value if isinstance(value, bytes) else str(value).encode()
            data += b"t" + struct.pack("!i", len(raw)) + raw
    return data


def change(kind: bytes, *parts: bytes) -> bytes:
    return kind + struct.pack("!i", 7) + b"".join(parts)


def touched(*messages: bytes, key: tuple[str, ...] = ("id", "at"), first: bytes | None = None) -> list[object]:
    decoder = Decoder({("public", "t"): key})
    head = relation(7, "public", "t", "id", "note", "at") if first is None else first
    return [one.key for message in (head, *messages) for one in decoder.read(message)]


@pytest.mark.parametrize(
    ("message", "keys"),
    [
        (change(b"I", b"N", row(1, "x", "noon")), [("1", "noon")]),
        (change(b"U", b"N", row(1, UNCHANGED, "noon")), [("1", "noon")]),
        (change(b"U", b"K", row(1, NULL, "noon"), b"N", row(2, "x", "noon")), [("1", "noon"), ("2", "noon")]),
        (change(b"U", b"O", row(1, "long", "noon"), b"N", row(1, "x", UNCHANGED)), [("1", "noon"), ("1", "noon")]),
        (change(b"U", b"N", row(1, "x", UNCHANGED)), [None]),  # cannot be known: the whole table
        (change(b"D", b"K", row(3, NULL, "noon")), [("3", "noon")]),
        (change(b"D", b"K", row(NULL, NULL, "noon")), [(None, "noon")]),
        (change(b"I", b"N", row(1, "x" * 50, "noon"))[:40], [None]),  # cut off before the key ended
        (change(b"I", b"N", row(1, "x" * 50, "noon"))[:-1], [None]),
        (change(b"U", b"O", row(1, "x", "noon"))[:-4], [None]),
        (change(b"U", b"O", row(1, "x", "noon")), [("1", "noon"), None]),  # cut off before the new row began
        (change(b"I", b"N", row(1, "x", b"\xff")), [None]),  # no text in any encoding
        (b"T" + struct.pack("!ib", 1, 0) + struct.pack("!i", 7), [None]),
        (b"M" + b"\0" * 30, []),
    ],
)
def test_the_keys_of_a_change(message: bytes, keys: list[object]) -> None:
    assert touched(message) == keys


def test_a_row_cut_off_behind_its_key_is_known_and_an_old_one_is_not() -> None:
    new, old = (
        change(b"U", b"N", row(1, "noon", "x" * 50)),
        change(b"U", b"O", row(1, "noon", "x" * 50), b"N", row(2, "noon", "y")),
    )
    first = relation(7, "public", "t", "id", "at", "note")
    assert touched(new[:-9], first=first) == [("1", "noon")]
    assert touched(old, first=first) == [("1", "noon"), ("2", "noon")]
    assert touched(old[:40], first=first) == [None]


def test_a_key_that_is_not_published_makes_the_table_suspect() -> None:
    assert touched(change(b"I", b"N", row(1, "x", "noon")), key=("made",)) == [None]
    assert touched(change(b"I", b"N", row(1, "x", "noon")), key=()) == [None]


def test_begin_and_end_of_the_last_transaction_are_kept() -> None:
    decoder = Decoder({})
    list(decoder.read(b"B" + struct.pack("!qqi", 70, 9, 3)))
    assert (decoder.begun, decoder.committed) == (70, 0)
    list(decoder.read(b"C" + struct.pack("!bqqq", 0, 5, 77, 9)))
    assert decoder.committed == 77


def test_keys_are_kept_once_for_us_only_and_in_portions(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    assert keys.about() == {}
    keys.begin(complete=False)
    with keys.writing():
        keys.add(Touched("public", "t", (str(number), None, "ä\"'")) for number in range(25))
        keys.add([Touched("public", "t", ("3", None, "ä\"'")), Touched("x", 'a"b', None)])
        keys.note(read_to=5)
    assert keys.path.stat().st_mode & 0o777 == 0o600
    again = Keys(tmp_path)
    assert again.about() == {"complete": False, "read_to": 5}
    assert again.counts() == {("public", "t"): 25, ("x", 'a"b'): 1}
    found = list(again.batches("public", "t", 10))
    assert [len(some) for some in found] == [10, 10, 5]
    assert {key for some in found for key in some} == {(str(number), None, "ä\"'") for number in range(25)}
    assert again.holds("public", "t", ("3", None, "ä\"'"))
    assert not again.holds("public", "t", ("3", "", "ä\"'"))
    assert again.whole("x", 'a"b')
    assert not again.whole("public", "t")
    assert list(again.batches("x", 'a"b')) == []
    keys.close()
    again.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_reading_that_fails_leaves_nothing(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    keys.begin(read_to=1)

    def broken() -> None:
        with keys.writing():
            keys.add([Touched("public", "t", ("1",))])
            keys.note(read_to=2)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert keys.about() == {"read_to": 1}
    assert not keys.touched("public", "t")


def test_buckets_that_differ_are_fetched_in_small_groups() -> None:
    found = {number: Sums((30, number), (30, number if number % 2 else 0)) for number in range(1, 11)}
    found[12] = Sums((0, 0), (500, 1))
    assert ranges.portions(found, most=100) == [[2, 4, 6], [8, 10], [12]]


def test_a_range_asks_for_its_key_only_and_survives_odd_names() -> None:
    key = (Column("a%s", '"a%s"', "bpchar", ""), Column("b{}", '"b{}"', "integer", ""))
    table = Subject("s", "t", '"S %"."t"', 0, 0, key, key, "columns", 'ROW(a."a%s")')
    where, values = ranges.Range(table, ("x", "1"), ("y", "2")).where()
    assert where == (
        ' WHERE (a."a%%s", a."b{}") >= (%s::bpchar, %s::integer) AND (a."a%%s", a."b{}") < (%s::bpchar, %s::integer)'
    )
    assert values == ["x", "1", "y", "2"]
    assert ranges.Range(table).where() == ("", [])


def test_what_the_move_made_is_not_compared() -> None:
    index = objects.ours_left_out(catalog.OBJECTS["index"])
    assert "indisreplident" in catalog.OBJECTS["index"]
    assert "indisreplident" not in index
    for query in (*catalog.OBJECTS.values(), catalog.INVALID, catalog.UNPOPULATED, catalog.SEQUENCES):
        assert facts.USER_SCHEMA in objects.ours_left_out(query)
