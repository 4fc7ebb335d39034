"""Everything that can be known before the first byte moves: read only, all findings at once."""

from __future__ import annotations

from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import patience
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import RefusedError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import (
    content,
    estimate,
    network,
    pooler,
    read,
    room,
    servers,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight.model import Facts
from ansible_collections.tiketi.platform.plugins.module_utils._pg_restore.model import Finding


def findings(context: Context) -> list[Finding]:
    """Fatal ones first; a server that cannot be reached hides what only it could say."""
    return _look(context)[0]


def _look(context: Context) -> tuple[list[Finding], Facts | None]:
    found = network.ends(context)
    facts = None
    with (
        network.reached(context.ends.source, context.source, found) as here,
        network.reached(context.ends.target, context.target, found) as there,
    ):
        if here is not None and there is not None:
            with patience.looking(here, there):
                facts = read.read(context, here, there)
            found += servers.check(facts, context.settings)
            found += content.check(facts, context.settings)
            found += room.check(facts)
            if not facts.same:
                found += network.legs(context, here, there)
    found += pooler.check(context)
    return sorted(dict.fromkeys(found), key=lambda one: not one.fatal), facts


def run(context: Context, check: bool) -> dict[str, Any]:
    """The verb. With fatal findings it fails, and still says the others."""
    found, facts = _look(context)
    fatal = [one for one in found if one.fatal]
    notices = [str(one) for one in found if not one.fatal]
    if fatal:
        raise RefusedError(
            f"the move cannot begin, nothing was changed; {len(fatal)} to mend, {len(notices)} to know",
            [*(str(one) for one in fatal), *(f"(to know) {words}" for words in notices)],
        )
    assert facts is not None
    expected = estimate.of(facts, context.settings)
    return {
        "changed": False,
        "phase": context.journal.phase,
        "message": f"the move can begin: {estimate.words(expected)}; {len(notices)} notices",
        "notices": notices,
        "findings": [vars(one) for one in found],
        "estimate": expected,
    }
