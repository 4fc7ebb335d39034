"""The end of a move whose writers never left, or came back: the old server stays the only one, and the next move begins anew."""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.keys import require, scan
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import MARKER, SKIP, Options, shown
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.server import read_server
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.switch import NEW_SIDE, Switch
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link


def given_up(target: Endpoint, options: Options, journal: Journal, proxy: Switch | None, clean: bool) -> str:
    """The marker goes, with `clean` the copy too. What was done, in words."""
    with Link(target) as link:
        marker = link.call("HGET", MARKER, "id")
        ours = marker is not None and marker.decode() == journal.id
        removed = _emptied(link, options, proxy) if ours and clean else 0
        if ours:
            link.call("UNLINK", MARKER)
    journal.restart()
    words = (
        f"given up: writers are at {journal.entries['source']}, which stays the only server; a later move begins anew"
    )
    if ours and clean:
        return f"{words}. {removed} copied keys were removed from {target.label}"
    return f"{words}. What was copied is still at {target.label}: empty it before another move to it" if ours else words


def _emptied(link: Link, options: Options, proxy: Switch | None) -> int:
    """Keys of this move only, and only where nobody is led to."""
    if proxy is not None and proxy.active() == NEW_SIDE:
        raise RedisMoveError(
            f"target {link.where.label}: the proxy leads to it, so what is there is not removed."
            " Mend: finish without removing the copy, or lead the proxy to the old side"
        )
    removed = 0
    for db in read_server(link).databases:
        with Link(link.where, db) as session:
            for _, keys in scan(session, count=options.batch_keys):
                ours = [key for key in keys if options.rules.of(key) != SKIP]
                replies = session.ask_about(ours, "UNLINK")
                require(session, replies, ours, lambda key: f"key {shown(key)}")
                removed += len(ours)
    return removed
