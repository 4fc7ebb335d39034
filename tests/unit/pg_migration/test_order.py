"""A verb out of its order: what is done and what comes next, for every phase."""

from __future__ import annotations

import pytest
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import model, rollback, status

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


@pytest.mark.parametrize(
    ("phase", "mend"),
    [
        (model.NEW, "nothing: applications are at the source"),
        (model.ABANDONED, "nothing: applications are at the source"),
        (model.SEEDED, "finish: applications never left the source"),
        (model.FOLLOWING, "finish: applications never left the source"),
        (model.CUTTING, "cutover again first"),
        (model.FINISHED, "another move, from that server to the old one"),
    ],
)
def test_what_leads_on_where_there_is_nothing_to_roll_back(phase: str, mend: str) -> None:
    said = str(rollback._nothing(phase))
    assert f"the move is {phase}: {status.WORDS[phase]}" in said
    assert f"Mend: {mend}" in said
