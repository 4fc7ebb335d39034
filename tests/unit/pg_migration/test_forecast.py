"""How long the freeze will last, and what is said about it."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import forecast
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import Settings
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify import foresee
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.verify.subject import Subject
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.manifest import COLUMNS, TEXT

LARGE = Subject("public", "seats", "public.seats", 3_500_000_000, 8_000_000, (), (), COLUMNS, "")
TEXTUAL = Subject("public", "words", "public.words", 1_200_000_000, 8_000_000, (), (), TEXT, "")
NONE = "there was no complete online verification on this runner"


def test_everything_that_is_compared_as_a_whole_counts_by_its_method() -> None:
    found = foresee.of([LARGE, TEXTUAL], [], 0, 0, NONE, [])
    assert found.seconds == 20.0
    assert found.bytes == 4_700_000_000
    assert forecast.seconds(found, views=1.0, objects=50 * 1024**2) == forecast.FIXED + 1.0 + 2.0 + 20.0


def test_changed_rows_and_the_log_that_is_still_to_read_count_too() -> None:
    assert foresee.of([], [LARGE], 40_000, 100_000_000, "", []).seconds == 4.0


def test_a_comparison_that_does_not_fit_names_the_verb_that_mends_it() -> None:
    found = foresee.of([LARGE], [], 0, 0, NONE, [])
    problems = forecast.too_long(found, 10.4, Settings(freeze_budget=5.0))
    assert problems == [
        f"{NONE}, so that everything is compared as a whole in the freeze: public.seats (3338 MiB, about 10.0 s). {foresee.MEND}"
    ]
    assert forecast.too_long(found, 10.4, Settings(freeze_budget=30.0)) == []
    assert found.notices() == problems
    changed = foresee.of([], [LARGE], 400_000, 0, "", [])
    assert "400000 rows changed" in forecast.too_long(changed, 20.4, Settings(freeze_budget=5.0))[0]


def test_no_verification_mends_what_was_asked_for_or_is_no_comparison() -> None:
    asked = foresee.of([LARGE], [], 0, 0, foresee.ASKED, [])
    assert forecast.too_long(asked, 10.4, Settings(freeze_budget=5.0)) == []
    assert "Mend" not in asked.notices()[0]
    assert forecast.too_long(foresee.Foreseen(), 60.0, Settings(freeze_budget=5.0)) == []


def test_a_follower_that_does_not_keep_up_is_told_where_it_is_what_does_not_fit() -> None:
    settings = Settings(freeze_budget=5.0)
    assert forecast.too_far(1.0, 0.5, settings) == []
    assert forecast.too_far(20.0, 6.0, settings) == []  # the rest alone is too long: that is said by others
    (said,) = forecast.too_far(12.3, 0.5, settings)
    assert "12.3 s later" in said
    assert "12.8 s, 5.0 s are allowed. Mend: " in said
