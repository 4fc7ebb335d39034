"""python -m tiketi.migrate: bring the rows to what this release expects.

Runs before a rollout, beside the pods of before, with their rights: it changes rows and creates nothing. Each step can be run
again, takes few rows at a time, and waits for nobody's lock.
"""

from __future__ import annotations

import os
import sys

import psycopg

from . import settings
from .stores import connection_arguments

# By name: what changes one batch, and changes nothing when there is nothing left to do.
STEPS = {
    # A hold that ran out was freed only when somebody wanted its seat; until then reports counted it as held.
    "expire-overdue-holds": """
        UPDATE reservations SET status = 'expired' WHERE id IN (
            SELECT id FROM reservations WHERE status = 'pending' AND expires_at <= now()
            ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED)
        """,
}


def run(connection: psycopg.Connection[object], step: str) -> int:
    total = 0
    while batch := connection.execute(STEPS[step]).rowcount:
        total += batch
    return total


def main(arguments: list[str]) -> int:
    steps = arguments or list(STEPS)
    if unknown := [step for step in steps if step not in STEPS]:
        print(f"there is no migration {', '.join(unknown)}; known are {', '.join(STEPS)}", file=sys.stderr)
        return 2
    try:
        chosen = settings.load(os.environ)
        with psycopg.connect(autocommit=True, **connection_arguments(chosen)) as connection:
            for step in steps:
                print(f"{step}: {run(connection, step)} rows changed", flush=True)
    except (settings.SettingsError, psycopg.Error) as error:
        print(f"the migration failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
