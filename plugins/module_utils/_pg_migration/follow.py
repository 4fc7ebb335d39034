"""From the snapshot on: PostgreSQL's own subscription applies to the target what users write on the source."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.errors import PgError
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import (
    freeze,
    probe,
    reason,
    slot_age,
    subscription,
    verify,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import health as looks
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import (
    DifferenceError,
    MigrationError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.health import Health
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.model import (
    FOLLOWING,
    SEEDED,
    Progress,
)
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.preflight import weight
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.status import out_of_order

BEAT = 0.3
MEASURE = 1.0  # seconds between two looks at a lag that is worked off
MIB = 1024**2
HEADROOM = 1024  # bytes of WAL that are no change of a row
SETTLING = 5.0  # seconds in which a subscription that was just enabled shows whether its cause is gone


class LateError(MigrationError):
    """The follower has not everything when the time is over."""


def run(context: Context, check: bool) -> dict[str, Any]:
    """Subscribe, or mend the subscription, and wait until the target is near enough for a cutover."""
    journal = context.journal
    if journal.phase not in (SEEDED, FOLLOWING):
        raise out_of_order("follow", journal.phase)
    began = time.monotonic()
    with context.source() as source, context.target() as target:
        found = looks.read(context, source, target)
        if check:
            later = _later(context, source, target, found)
            return _planned(context, found, later, weight.estimated(source, context.settings)["freeze_seconds"])
        done = _mended(context, source, target, found)
        if not freeze.closed(target):
            freeze.close(
                target, (), journal.still_ours
            )  # nobody writes there before the cutover: a row of theirs would be in the way
        if journal.phase == SEEDED:
            journal.phase_is(FOLLOWING)
        now, near = _near(context, source, target)
        slot = slot_age.read(context, source)
    if not near:
        return _running(context, done)
    seconds = round(time.monotonic() - began, 1)
    collected = _collect(context)
    result = {"step": "follow", "seconds": seconds, "lag_bytes": now.lag_bytes}
    journal.record(result)
    journal.save()
    lag = f"{now.lag_bytes} bytes" + (f" ({now.lag_seconds:.2f} s)" if now.lag_seconds else "")
    return {
        "changed": bool(done),
        "phase": journal.phase,
        "message": f"the target follows, {lag} behind"
        + (f"; {done}" if done else "")
        + (f"; {slot_age.words(slot)}" if slot else ""),
        "slot": slot,
        "notices": now.notices + _legs(context) + collected,
        "health": now.facts(),
        "seconds": seconds,
    }


def _collect(context: Context) -> list[str]:
    """What changed since the last `verify` is read whenever somebody comes by: until then its slot keeps the WAL of it."""
    try:
        verify.collect(context)
    except PgError as error:
        return [f"the changes since the last verify were not read: {error}"]
    return []


def _running(context: Context, done: str) -> dict[str, Any]:
    """For a caller that shows the progress and comes again; the servers go on by themselves."""
    return {
        "changed": bool(done),
        "phase": context.journal.phase,
        "message": "the target is not near yet; it comes nearer without this run, and the same verb waits for it",
        "notices": [done] if done else [],
        "running": True,
        "progress": context.journal.read("progress.json") or {},
    }


def _legs(context: Context) -> list[str]:
    peer = context.ends.publisher
    if peer.verified:
        return []
    return [
        f"the target reaches the source at {peer.host}:{peer.port} with sslmode {peer.sslmode}: encrypted, but the source is not verified"
    ]


def _later(context: Context, source: Any, target: Any, found: Health) -> int | None:
    """The lag a moment later, where somebody works it off already: nothing else tells how fast that is."""
    if found.lag_bytes <= context.settings.max_lag or not (found.enabled and found.connected):
        return None
    time.sleep(MEASURE)
    return looks.read(context, source, target, shapes=False).lag_bytes


def _planned(context: Context, found: Health, later: int | None, freeze_seconds: float) -> dict[str, Any]:
    """`later`: the lag after MEASURE seconds, where it was looked at once more. Pure."""
    doing = "" if found.enabled else ("enable the subscription" if found.exists else "make the subscription")
    seconds, words = _time_for(found.lag_bytes, later, context.settings.max_lag)
    return {
        "changed": bool(doing),
        "phase": context.journal.phase,
        "message": f"would {doing or 'do nothing'}, then wait for {found.lag_bytes} bytes of lag to go below {context.settings.max_lag}, {words};"
        f" a freeze of about {freeze_seconds:.1f} s moves the writers later",
        "notices": found.notices,
        "health": found.facts(),
        "estimate": {"seconds": seconds, "lag_bytes": found.lag_bytes, "freeze_seconds": freeze_seconds},
    }  # fmt: skip


def _time_for(lag: int, later: int | None, enough: int) -> tuple[float | None, str]:
    """Seconds until the lag is small, None where that is not known, and the words for it. Pure."""
    if lag <= enough:
        return 0.0, "which it is"
    if later is None:  # nobody applies yet, and how fast they will nobody knows
        least = round((lag - enough) / verify.WAL_RATE, 1)
        return least, f"at least {least:.1f} s, which the source takes to read it"
    rate = (lag - later) / MEASURE
    if rate <= 0:
        return None, "and it does not come nearer now"
    seconds = round(max(0, later - enough) / rate, 1)
    return seconds, f"about {seconds:.1f} s at the {rate / MIB:.1f} MiB/s of now"


def health(context: Context) -> Health:
    """One look, on sessions of its own."""
    with context.source() as source, context.target() as target:
        return looks.read(context, source, target)


def _mended(context: Context, source: Any, target: Any, found: Health) -> str:
    """Bring the subscription to life; what was done, in words."""
    names, ends = context.names, context.ends
    if found.shapes:
        raise DifferenceError(
            "the tables are not the same on both sides, a changed schema does not follow. Mend: give the target the same change"
            " (in a session with default_transaction_read_only off) or take it back on the source, then follow again. Differences",
            found.shapes,
        )
    if not found.exists:
        kept = subscription.create(
            target, names.subscription, names.publication, ends.publisher, ends.source.dbname, True
        )
        _watch(context, source, target, found)
        return "; ".join(["the subscription was made", *kept])
    if found.enabled and found.connected:
        return ""
    # Whatever stopped it may have been the address or the password: they are given anew.
    kept = subscription.reconnect(target, names.subscription, ends.publisher, ends.source.dbname)
    if not found.enabled:
        subscription.switch(target, names.subscription, enabled=True)
    _watch(context, source, target, found)
    done = "was enabled again" if not found.enabled else "was given its connection anew"
    return "; ".join([f"the subscription {done}", *kept])


def _watch(context: Context, source: Any, target: Any, before: Health) -> None:
    """It is well when its worker has what was there when it was begun, or has not given up for a while. A lag that only became smaller says
    nothing: with its first word a worker tells the source of all that it has had for long."""
    deadline = time.monotonic() + SETTLING * 2
    while time.monotonic() < deadline:
        now = looks.read(context, source, target, shapes=False)
        if now.exists and not now.enabled:
            raise stopped(context, source, target)
        if now.connected and now.worker and now.lag_bytes <= _position(now.lsn) - _position(before.lsn) + HEADROOM:
            return
        if now.connected and now.worker and time.monotonic() > deadline - SETTLING:
            return
        time.sleep(BEAT / 3)
    publisher = context.ends.publisher
    why = probe.reason(target, "publisher", publisher, context.ends.source.dbname)
    raise MigrationError(
        f"the worker of subscription {context.names.subscription} on {context.ends.target.label} does not connect to"
        f" {publisher.host}:{publisher.port} as {publisher.username}"
        + (
            f": {why}"
            if why
            else ". Mend: address, pg_hba.conf, password and TLS of that leg (publisher), as the log of the target says"
        )
        + "; then follow again"
    )


def _position(lsn: str) -> int:
    high, _, low = lsn.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def stopped(context: Context, source: Any, target: Any) -> MigrationError:
    """A disabled subscription, with the reason as far as it can be had."""
    now = looks.read(context, source, target)
    said = "; ".join(now.shapes) or reason.of(context, source, target)
    return MigrationError(
        f"the subscription on {context.ends.target.label} was disabled by the server after {now.apply_errors} errors: "
        + (said or "the reason is in the log of the target only")
        + (
            ""
            if "Mend" in said
            else ". Mend: take the cause away (the same change of the schema on both sides, or the row that is in the way), then follow again"
        )
        + ". Nothing is lost: the slot keeps what is to come"
    )


def _near(context: Context, source: Any, target: Any) -> tuple[Health, bool]:
    """Until the lag is small, or the caller wants to show how far it is; says which."""
    settings, began = context.settings, time.time()
    first: tuple[float, int] | None = None
    while True:
        now = looks.read(context, source, target, shapes=False)
        if not now.enabled:
            raise stopped(context, source, target)
        clock = time.time()
        first = first or (clock, now.lag_bytes)
        rate = (first[1] - now.lag_bytes) / (clock - first[0]) if clock > first[0] else 0.0
        eta = (now.lag_bytes - settings.max_lag) / rate if rate > 0 else None
        context.journal.progress(
            Progress(
                "follow",
                began,
                rate=max(0.0, rate),
                eta=max(0.0, eta) if eta is not None else None,
                lag_bytes=now.lag_bytes,
            )
        )
        if now.connected and now.lag_bytes <= settings.max_lag:
            return looks.read(context, source, target), True
        if clock - began > settings.follow_timeout:
            raise MigrationError(
                f"the target is still {now.lag_bytes} bytes behind, and the time for it is over"
                + (f", gaining {rate:.0f} bytes a second" if rate > 0 else ", and not gaining")
                + ". Mend: run follow again, with a longer follow_timeout, or a larger target; it goes on meanwhile"
            )
        if settings.attach and clock - began > settings.attach:
            return now, False
        time.sleep(BEAT)


def frozen_lsn(source: Any) -> str:
    """A place in the WAL behind everything that was committed until now, and on disk."""
    source.execute("SET synchronous_commit TO on")
    source.execute("SELECT pg_logical_emit_message(true, 'platform_migration', 'freeze')")
    row = source.execute("SELECT pg_current_wal_lsn()::text").fetchone()
    return str(row[0])


def drained(
    source: Any, target: Any, slot: str, lsn: str, deadline: float, alive: Callable[[], None] = lambda: None
) -> float:
    """Wait until the subscriber has everything up to `lsn` on disk; seconds. `deadline` is of time.monotonic()."""
    began = time.monotonic()
    target.execute("SET synchronous_commit TO on")
    while True:
        row = source.execute(
            "SELECT confirmed_flush_lsn >= %s::pg_lsn, pg_wal_lsn_diff(%s, confirmed_flush_lsn)::bigint"
            " FROM pg_catalog.pg_replication_slots WHERE slot_name = %s",
            (lsn, lsn, slot),
        ).fetchone()
        if row and row[0]:
            return time.monotonic() - began
        alive()
        if time.monotonic() > deadline:
            raise LateError(f"{row[1] if row else 'all'} bytes of the slot {slot} were not applied in time")
        # What was applied counts when it is on disk: a commit that waits takes the apply worker's along. The message
        # on the other side makes the sender speak, and the worker answer.
        target.execute("SELECT pg_logical_emit_message(true, 'platform_migration', 'drain')")
        source.execute("SELECT pg_logical_emit_message(true, 'platform_migration', 'drain')")
        time.sleep(0.01)


def drain(context: Context, lsn: str, deadline: float) -> float:
    """On sessions of its own; see `drained`."""
    with context.source() as source, context.target() as target:

        def alive() -> None:
            found = subscription.state(target, context.names.subscription)
            if found is None or not found[0]:
                raise stopped(context, source, target)

        return drained(source, target, context.names.slot, lsn, deadline, alive)
