"""Which entries of an archive a role without superuser rights can and must restore."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

ENTRY = re.compile(r"^\d+; \d+ \d+ (?P<rest>.*)$")

# On managed PostgreSQL extensions belong to the provider and are made beforehand; event triggers need a superuser.
NEVER = ("EXTENSION - ", "COMMENT - EXTENSION ", "EVENT TRIGGER - ", "COMMENT - EVENT TRIGGER ")


def filter_entries(
    lines: Iterable[str], owners: Mapping[str, str], present: Collection[str], foreign: Collection[str]
) -> tuple[list[str], list[str]]:
    """Split `pg_restore --list` into what is restored and what is left out.

    owners: schema -> its owner on the source, as an entry ends with it;
    present: schemas that the target already has; foreign: those of them that somebody else owns there.
    """
    exact = {f"SCHEMA - {name} {owners.get(name, '')}" for name in present}
    exact |= {f"COMMENT - SCHEMA {name} {owners.get(name, '')}" for name in foreign}
    keep: list[str] = []
    left_out: list[str] = []
    for line in lines:
        match = ENTRY.match(line)
        if match is None:
            continue
        rest = match["rest"]
        if rest.startswith(NEVER) or rest in exact:
            left_out.append(rest)
        else:
            keep.append(line)
    return keep, left_out
