"""What is said of the slot that the source keeps."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import slot_age

MIB = 1024**2


def test_age_kept_and_what_is_left() -> None:
    slot = {"seconds": 9000.0, "retained_bytes": 120 * MIB, "safe_wal_size": 900 * MIB}
    assert (
        slot_age.words(slot)
        == "the slot on the source is 2.5 h old and keeps 120 MiB of WAL, 900 MiB more before it is lost"
    )
    assert (
        slot_age.words({**slot, "seconds": None, "safe_wal_size": None})
        == "the slot on the source keeps 120 MiB of WAL"
    )
    assert slot_age.words({**slot, "seconds": 42.0, "safe_wal_size": -5}).endswith("0 MiB more before it is lost")
    assert slot_age.words({}) == ""
