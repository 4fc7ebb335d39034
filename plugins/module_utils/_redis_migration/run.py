"""From a module's parameters to its result: look, decide, do one verb."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import (
    RedisMoveError,
    ReplyError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.forecast import forecast, measures
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.freeze import MIGRATION_USER
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.giving_up import given_up
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.look import look
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import (
    COPIED,
    COPYING,
    FINISHED,
    MARKER,
    NEW,
    STATE,
    SWITCHED,
    SWITCHING,
    VERIFIED,
    Options,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.online import copy, verify
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.participant import RedisParticipant
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.switch import Switch
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.wire import Link

PREFLIGHT, COPY, VERIFY, CUTOVER, ROLLBACK, FINISH = "preflight", "copy", "verify", "cutover", "rollback", "finish"
VERBS = (PREFLIGHT, COPY, VERIFY, CUTOVER, ROLLBACK, FINISH)

# Verb -> the phases in which it has work to do.
WORK = {
    COPY: {NEW, COPYING, COPIED, VERIFIED},
    VERIFY: {COPIED, VERIFIED},
    CUTOVER: {NEW, COPYING, COPIED, VERIFIED},
    ROLLBACK: {SWITCHING, SWITCHED},
    FINISH: {COPYING, COPIED, VERIFIED, SWITCHED},
}
# Verb -> the phases in which its work is done already.
DONE = {
    COPY: {FINISHED},
    VERIFY: {FINISHED},
    CUTOVER: {SWITCHED, FINISHED},
    ROLLBACK: {NEW, COPYING, COPIED, VERIFIED},
    FINISH: {NEW, FINISHED},
}
NEXT = {
    NEW: "copy",
    COPYING: "copy, which goes on where it was",
    COPIED: "verify or cutover",
    VERIFIED: "cutover",
    SWITCHING: "rollback",
    SWITCHED: "finish or rollback",
    FINISHED: "nothing",
}


@dataclass
class Move:
    """One move and the verb that is asked for."""

    source: Endpoint
    target: Endpoint
    options: Options
    folder: Path
    switch: Switch | None = None
    notices: list[str] = field(default_factory=list)
    clean_target: bool = False  # finish before a cutover: remove what was copied


def has_work(verb: str, phase: str) -> bool:
    """Raise when the verb is out of order; false when what it does is done."""
    if phase in WORK[verb]:
        return True
    if phase in DONE[verb]:
        return False
    raise RedisMoveError(f"{verb} is out of order: the move is {phase}, next is {NEXT[phase]}")


def half_open(journal: Journal) -> bool:
    """A run died between the switch and the end of the opening."""
    return journal.phase == SWITCHED and not journal.entries.get("open_done")


def migrate(move: Move, verb: str, check: bool) -> dict[str, Any]:
    """Do one verb, and say what was done."""
    journal = Journal(move.folder, move.source.label, move.target.label)
    if check or verb == PREFLIGHT:
        journal.load()
        return _plan(move, journal, verb, check)
    verbs: dict[str, Callable[[Move, Journal], dict[str, Any]]] = {
        COPY: _copy,
        VERIFY: _verify,
        CUTOVER: _cutover,
        ROLLBACK: _rollback,
        FINISH: _finish,
    }
    if verb in (CUTOVER, ROLLBACK):  # the participant takes the lock itself
        journal.load()
        return _result(move, journal, verb, verbs[verb])
    with journal.locked(move.options.lock_wait):
        return _result(move, journal, verb, verbs[verb])


def _result(move: Move, journal: Journal, verb: str, work: Callable[[Move, Journal], dict[str, Any]]) -> dict[str, Any]:
    began = time.monotonic()
    todo = has_work(verb, journal.phase) or (verb == CUTOVER and half_open(journal))
    done = work(move, journal) if todo else {"message": f"nothing to do for {verb}: the move is {journal.phase}"}
    journal.load()
    return {
        "changed": todo and verb != VERIFY,
        "phase": journal.phase,
        "next": NEXT[journal.phase],
        "seconds": round(time.monotonic() - began, 2),
        "report": {},
        "notices": move.notices,
        "folder": str(journal.folder),
        **done,
    }


def _plan(move: Move, journal: Journal, verb: str, check: bool) -> dict[str, Any]:
    todo = verb != PREFLIGHT and has_work(verb, journal.phase)
    found = look(move.source, move.target, move.options, journal)
    if (
        journal.phase in (NEW, COPYING, COPIED, VERIFIED) and verb != FINISH
    ):  # a move that cannot be made can be given up
        found.refuse()
    switched = journal.phase == SWITCHED
    foreseen = forecast(move.target if switched else move.source, found.survey, measures(journal))
    size = found.survey.bytes[STATE] / 1024**2
    message = (
        f"{found.survey.keys[STATE]} keys of state, about {size:.0f} MiB, from {found.source.words} to {found.target.words}; "
        f"a copy takes about {foreseen.copy:.0f} s, the freeze of a {ROLLBACK if switched else CUTOVER} about {foreseen.seconds:.1f} s"
        f" ({move.options.freeze_limit:.0f} s are allowed); the move is {journal.phase}, next is {NEXT[journal.phase]}"
    )
    if check and verb != PREFLIGHT:
        message = f"{verb} {'would be done' if todo else 'has nothing to do'}: {message}"
    return {
        "changed": todo and verb != VERIFY,
        "phase": journal.phase,
        "next": NEXT[journal.phase],
        "seconds": 0.0,
        "estimate": {
            "copy": max(1, round(foreseen.copy)),
            "verify": max(1, round(foreseen.comparison)),
            "freeze_seconds": round(foreseen.seconds, 2),
        },
        "report": {
            "keys": dict(found.survey.keys),
            "bytes": dict(found.survey.bytes),
            "kinds": dict(found.survey.kinds),
        },
        "notices": [*found.notices, *foreseen.told],
        "folder": str(journal.folder),
        "message": message,
    }


def _copy(move: Move, journal: Journal) -> dict[str, Any]:
    message, notices = copy(move.source, move.target, move.options, journal)
    move.notices += notices
    return {"message": message}


def _verify(move: Move, journal: Journal) -> dict[str, Any]:
    report = verify(move.source, move.target, move.options, journal)
    return {"message": f"{report['compared']} keys compared in {report['seconds']} s, all equal", "report": report}


def _participant(move: Move) -> RedisParticipant:
    if move.switch is None:
        raise RedisMoveError(
            "no proxy is given, so nothing could be switched. Mend: role redis_proxy, and proxy_socket"
        )
    return RedisParticipant(move.source, move.target, move.options, move.folder, move.switch, say=move.notices.append)


def _cutover(move: Move, journal: Journal) -> dict[str, Any]:
    one = _participant(move)
    try:
        if half_open(journal) and journal.entries.get("opened"):
            one.open()
            return {"message": "the opening that a killed run had begun is done"}
        if half_open(journal):
            one.reopen()
        one.prepare()
        _within(one.predict(), move.options.freeze_limit)
        try:
            one.freeze()
            found = one.settle()
            if found:
                raise RedisMoveError(
                    "the copy is not what the source is; writers go on at the old side: " + " // ".join(found[:20])
                )
            one.switch()
        except BaseException:
            one.reopen()
            raise
        one.open()
    finally:
        one.close()
    held = sum(one.waited[step] for step in ("freeze", "settle", "switch", "open"))
    return {"message": f"cut over; writers waited {held:.2f} s at most", "report": {"seconds": one.waited}}


def _within(seconds: float, limit: float) -> None:
    """A freeze that would be given up on the way is not begun."""
    if seconds > limit:
        raise RedisMoveError(
            f"the freeze would take about {seconds:.1f} s, {limit:.1f} s are allowed; nothing was frozen. Mend: raise freeze_limit, declare"
            " prefixes as cache, or let a login that may use CLIENT TRACKING do the move"
        )


def _rollback(move: Move, journal: Journal) -> dict[str, Any]:
    one = _participant(move)
    try:
        if journal.phase == SWITCHING:
            one.reopen()
        else:
            one.roll_back()
    finally:
        one.close()
    held = one.waited.get("roll_back_freeze", 0.0)
    return {
        "message": f"writers are at the old side again; they waited {held:.2f} s",
        "report": {"seconds": one.waited},
    }


def _finish(move: Move, journal: Journal) -> dict[str, Any]:
    """The source keeps refusing writes; the marker and our login go. Before a cutover: the move is given up."""
    if journal.phase != SWITCHED:
        return {"message": given_up(move.target, move.options, journal, move.switch, move.clean_target)}
    with Link(move.target) as link:
        link.call("UNLINK", MARKER)
    try:
        with Link(move.source) as link:
            link.call("ACL", "DELUSER", MIGRATION_USER)
    except ReplyError:
        pass  # it knows no users, so there is none of ours
    except RedisMoveError as error:
        move.notices.append(f"the old server was not tidied: {error}")
    journal.save(phase=FINISHED)
    return {
        "message": f"finished: {move.target.label} is the only server; {move.source.label} takes no writes and may be removed"
    }
