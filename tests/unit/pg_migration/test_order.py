"""A verb out of its order: what is done and what comes next, for every phase."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import model, status

NEXT = {
    model.NEW: "preflight comes next, then seed, follow, verify, cutover",
    model.ABANDONED: "preflight comes next, then seed, follow, verify, cutover",
    model.SEEDING: "seed comes next, then follow, verify, cutover",
    model.SEEDED: "follow comes next, then verify, cutover",
    model.FOLLOWING: "follow comes next, then verify, cutover",
    model.CUTTING: "cutover comes next",
    model.SWITCHED: "finish, or rollback",
    model.FINISHED: "nothing is left to do",
    model.RETURNING: "rollback comes next",
    model.RETURNED: "finish",
}


def test_no_phase_is_left_out() -> None:
    assert set(NEXT) == set(status.WORDS)


@pytest.mark.parametrize("phase", NEXT)
def test_what_is_done_and_what_comes_next(phase: str) -> None:
    said = str(status.out_of_order("verify", phase))
    assert said.startswith(f"verify cannot be done now, the move is {phase}: {status.WORDS[phase]}")
    assert said.endswith(f"Mend: {NEXT[phase]}")
