"""The one restart: announced, done, measured; and undone when the server does not come back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source import autoconf, server
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.keeper import Keeper
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.model import Client, Server
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.place import Place
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.record import Record
from ansible_collections.tiketi.platform.plugins.module_utils._pg_source.settings import NAMES

STARTED = "SELECT extract(epoch FROM pg_postmaster_start_time());"


def _client(one: Client) -> str:
    name = f" ({one.application})" if one.application else ""
    busy = f", a transaction open for {one.busy_seconds:.0f} s" if one.busy_seconds > 1 else ""
    return f"{one.sessions} of {one.user}{name} from {one.address}{busy}"


def announce(now: Server, pending: Sequence[str], how: str) -> list[str]:
    """What a person wants to know before. Pure."""
    values = [
        f"{name} = {now.settings[name].configured} (now {now.settings[name].running})"
        for name in pending
        if name in now.settings
    ]
    others = [name for name in now.pending if name not in NAMES]
    said = [f"a restart of PostgreSQL is needed for {', '.join(values or pending)}"]
    if others:
        said.append(f"the same restart brings into effect what others have set: {', '.join(others)}")
    said.append(f"its last start took about {now.start_seconds} s; it is done by: {how}")
    clients = "; ".join(_client(one) for one in now.clients)
    said.append(f"connected now, and cut off by it: {clients}" if clients else "nobody is connected now")
    return said


def _asked(place: Place) -> float | None:
    try:
        return float(place.ask(STARTED))
    except (PgError, ValueError):
        return None


def _awaited(place: Place, keeper: Keeper, before: float, seconds: float) -> bool:
    """Until the server answers; not a moment longer when it is dead."""
    deadline = time.monotonic() + seconds
    while True:
        now = _asked(place)
        if now is not None and now != before:
            return True
        if time.monotonic() > deadline or not keeper.alive():
            return False
        time.sleep(server.POLL)


def restart(place: Place, keeper: Keeper, now: Server, record: Record, seconds: float) -> dict[str, Any]:
    """Do it; returns how long nobody was served."""
    place.ask("CHECKPOINT;")  # what is written now is not written while users wait
    began = time.monotonic()
    keeper.restart()
    if _awaited(place, keeper, now.started, seconds):
        return {"downtime_seconds": round(time.monotonic() - began, 2), "how": keeper.how}
    reason = keeper.reason()
    if keeper.alive():
        raise PgError(
            f"{place.label} does not answer {time.monotonic() - began:.0f} s after its restart, but it runs: {reason or 'its log says nothing'}."
            " Nothing was put back. Mend: wait for it (a recovery takes its time), then run this again"
        )
    raise PgError(_undo(place, keeper, now, record.unproven(now.started), reason, began, seconds))


def _undo(
    place: Place,
    keeper: Keeper,
    now: Server,
    before: Mapping[str, str | None],
    reason: str,
    began: float,
    seconds: float,
) -> str:
    """Put the settings back and start again; returns what there is to say."""
    keeper.write_auto(autoconf.put_back(keeper.read_auto(), before))
    keeper.start()
    said = f"{place.label} did not start again: {reason}. {', '.join(before) or 'Nothing'} was put back as it was"
    if _awaited(place, keeper, now.started, seconds):
        return f"{said}, and it runs again (away for {time.monotonic() - began:.1f} s). Mend: see the reason, then run this again"
    return f"{said}, and it still does not start: {keeper.reason()}. Mend: by hand, now; nobody is served"
