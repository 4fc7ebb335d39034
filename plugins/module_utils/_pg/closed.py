"""Why a database is closed to applications, told from what a move has left on its server. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# The move writes one row there on both of its servers, and takes it away at its end.
STATE = "SELECT source, target, phase FROM platform_migration.state"
STATE_TABLE = "platform_migration.state"
# What a freeze took away here and gives back when it opens this side again; the name of a login is the parameter.
SHUT = "SELECT FROM platform_migration.closed WHERE what = 'login' AND name = %s"
SHUT_TABLE = "platform_migration.closed"


@dataclass(frozen=True)
class Move:
    source: str
    target: str
    phase: str


def why(label: str, move: Move | None) -> str:
    """For a person. None of these is mended by opening the database: that would let writers in at two places."""
    closed = f"{label} is closed to applications (default_transaction_read_only is on): "
    if move is not None and label == move.target:
        return closed + (
            f"the move into it from {move.source} is {move.phase} and has not had its cutover, or was led back."
            " Mend: bring the move to its cutover (site.yml of the stage that moves), or give it up (migration_step=finish)"
        )
    if move is not None:
        return closed + (
            f"the data moved away from {move.source} to {move.target} (the move is {move.phase}), and applications write there."
            f" Mend: use the inventory that declares {move.target}, or lead the data back (migration_step=rollback)"
        )
    return closed + (
        "no move is under way here, and a finished one leaves the server so that its data moved away from."
        " Mend: use the inventory that declares the server that the data moved to. Only where the data never moved:"
        " find out who closed it before you open it"
    )
