"""Which side is followed by which: before the cutover the target follows the source, after it the other way round."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import (
    RETURNED,
    RETURNING,
    SWITCHED,
)


@dataclass(frozen=True)
class Leg:
    """The direction in which rows flow now."""

    publisher: Endpoint
    subscriber: Endpoint
    publication: str  # on the publisher
    slot: str  # on the publisher, the one that feeds the subscription
    verify_slot: str  # on the publisher, ours
    application: str

    @property
    def direction(self) -> str:
        return f"{self.publisher.side} to {self.subscriber.side}"


def forward(context: Context) -> Leg:
    names = context.names
    return Leg(
        context.ends.source, context.ends.target, names.publication, names.slot, names.verify_slot, context.application
    )


def backward(context: Context) -> Leg:
    names = context.names
    return Leg(
        context.ends.target,
        context.ends.source,
        names.return_publication,
        names.return_subscription,
        names.verify_slot,
        context.application,
    )


def current(context: Context) -> Leg:
    return backward(context) if context.journal.phase in (SWITCHED, RETURNING, RETURNED) else forward(context)
