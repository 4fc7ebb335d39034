"""Redis in a cutover: passes while users work, a short freeze, one verdict, and a way back.

A command that CLIENT PAUSE holds was not executed. Its session is cut before the pause ends, so it never will be; the client sees a
broken connection, connects again through the proxy and repeats it at the new server: nothing is lost, nothing is done twice.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.attempt import Attempt
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import (
    DifferentError,
    RedisMoveError,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.forecast import PASS, note
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.freeze import (
    Pause,
    Refusal,
    cut,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.look import claim, look, share_token
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import (
    COPIED,
    FINISHED,
    NEW,
    STATE,
    SWITCHED,
    SWITCHING,
    VERIFIED,
    Options,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.passes import Approach
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.switch import NEW_SIDE, OLD, Switch
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.telling import Tell
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.tracking import Follower
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.way_back import WayBack


class RedisParticipant:
    """The move of one Redis, as a cutover sees it."""

    def __init__(
        self,
        source: Endpoint,
        target: Endpoint,
        options: Options,
        folder: Path,
        switch: Switch,
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        self.name = f"redis {source.label}"
        self.source, self.target, self.options, self.proxy, self.say = source, target, options, switch, say
        self.journal = Journal(folder, source.label, target.label)
        self.tell: Tell = self._write_down  # how far it is, while it is made ready
        self.waited: dict[str, float] = {}  # seconds of each step, for the report
        self._attempt = self._new_attempt()
        self._follower = Follower(source)
        self._approach: Approach | None = None
        self._stack = contextlib.ExitStack()
        self._locked = False
        self._refusing: dict[str, Any] | None = None  # writers are refused instead of held

    def _new_attempt(self) -> Attempt:
        limit = self.options.freeze_limit
        return Attempt(Pause(self.source, limit), Pause(self.target, limit))

    def _write_down(self, words: str) -> None:
        self.journal.write("progress.json", {"step": "prepare", "note": words}, durable=False)

    @property
    def _pause(self) -> Pause:
        return self._attempt.pause

    @property
    def _target_pause(self) -> Pause:
        return self._attempt.target_pause

    def cancel(self) -> None:
        """Somebody waits in vain: whatever hangs now must do nothing when it comes back."""
        self._attempt.cancel()

    def prepare(self) -> None:
        with self._timed("prepare"):
            self._lock()
            if self.journal.phase == FINISHED:
                raise RedisMoveError(
                    f"{self.name}: its move to {self.target.label} is finished, {self.target.label} is the server. Mend: nothing, if applications"
                    f" are there. To move it once more, let {self.source.label} take writes again, empty the target and remove"
                    f" {self.journal.folder}"
                )
            if self.journal.phase in (SWITCHING, SWITCHED):
                raise RedisMoveError(
                    f"{self.name}: the journal says {self.journal.phase}. Mend: reopen, roll back or finish that cutover first"
                )
            found = look(self.source, self.target, self.options, self.journal)
            found.refuse()
            refusal = Refusal(self.source, self.journal.id)
            self.journal.save(refusal=refusal.look(), identity=found.source.run_id)
            claim(self.target, self.journal)
            if self.options.share_token:
                share_token(self.source, self.target)
            compare = self.journal.phase != NEW
            self.journal.save(phase=COPIED)
            leg = Leg(self.source, self.target, self.options)
            self._approach = Approach(leg, self._follower, self.say, self.tell)
            self._approach.online(compare)
            size = found.survey
            note(self.journal, PASS, size.keys[STATE], size.bytes[STATE], self._approach.pass_seconds)

    def near(self) -> None:
        """Other stores may have taken their time since."""
        if self._approach:
            self._approach.again()

    def predict(self) -> float:
        """Seconds of the freeze, after `prepare`."""
        return self._approach.predict() if self._approach else 0.0

    def freeze(self) -> None:
        attempt = self._attempt
        with self._timed("freeze"):
            self._lock()
            if not attempt.pause.hold():
                self.say("the source cannot hold writers (CLIENT PAUSE WRITE, 6.2): they are refused instead")
                with attempt.act():
                    self._refusing = dict(self.journal.entries["refusal"])
                    self.journal.save(phase=SWITCHING)
                    Refusal(self.source, self.journal.id).refuse(self._refusing)

    def settle(self) -> list[str]:
        attempt = self._attempt
        with self._timed("settle"):
            self._assure(attempt)
            approach = self._approach or Approach(Leg(self.source, self.target, self.options), self._follower, self.say)
            with attempt.act():
                self._approach = approach
            found = approach.frozen()
            self._assure(attempt)
            if not found:
                with attempt.act():
                    self.journal.save(phase=SWITCHING if self._refusing else VERIFIED)
            return [str(difference) for difference in found]

    def switch(self) -> None:
        attempt = self._attempt
        with self._timed("switch"):
            if self.journal.phase == SWITCHED:
                return
            if self.journal.phase != VERIFIED and not self._refusing:
                raise RedisMoveError(f"{self.name}: not settled without a difference. Mend: freeze and settle first")
            with attempt.act():
                self.journal.save(phase=SWITCHING)
            self._assure(attempt)
            self._close_leg()
            if not attempt.target_pause.hold():
                raise RedisMoveError(
                    f"target {self.target.label}: it does not know CLIENT PAUSE WRITE, so its writers cannot wait for the common opening. "
                    "Mend: an engine of 6.2 or newer"
                )
            with attempt.act():
                # Before the proxy: if we die between the two, the way back looks for writes that were never made, and finds none.
                self.journal.save(phase=SWITCHED, opened=False, open_done=False)
                self.proxy.activate(NEW_SIDE)
                attempt.pause.let_answers_arrive()
                self.proxy.cut(OLD)
            with attempt.act():
                # Only now: the server asks for the right to write before it holds a command, so a session that is still there would be told no.
                # The proxy knows its own sessions only, not those that an earlier process of it kept over a reload.
                self._tell(attempt.pause.cut())
                Refusal(self.source, self.journal.id).refuse(self.journal.entries["refusal"])
            self._assure(attempt)  # from here the refusal holds, whatever becomes of the pause

    def _tell(self, notices: list[str]) -> None:
        for words in notices:
            self.say(words)

    def _assure(self, attempt: Attempt) -> None:
        """Writers have been held until now, or are refused."""
        if not self._refusing:
            attempt.pause.assure()

    def open(self) -> None:
        with self._timed("open"):
            self._lock()
            if self.journal.phase != SWITCHED:
                raise RedisMoveError(f"{self.name}: nothing was switched, so nothing is opened. Mend: switch first")
            self.journal.save(opened=True)
            self.proxy.activate(NEW_SIDE)
            self._pause.let_answers_arrive()
            self.proxy.cut(OLD)
            self._target_pause.release()
            self._tell(cut(self.source))
            self._pause.release()
            self.journal.save(open_done=True)
        self.close()

    def reopen(self) -> None:
        with self._timed("reopen"):
            self._lock()
            self._attempt.end()
            if self.journal.entries.get("opened"):
                raise RedisMoveError(
                    f"{self.name}: writers are at the new side already. Mend: roll_back carries them back"
                )
            self._close_leg()
            if self.journal.phase == SWITCHED and not self._target_untouched():
                # A run that died had let the new side go: what was written there must come back.
                return self.roll_back()
            if self.journal.phase in (SWITCHING, SWITCHED):
                Refusal(self.source, self.journal.id).permit(self.journal.entries["refusal"])
                self.proxy.activate(OLD)
                self.journal.save(phase=COPIED)
                self.proxy.cut(NEW_SIDE)
                if self._target_pause.held:
                    self._tell(cut(self.target))
            self._target_pause.release()
            self._pause.lift()
            self._refusing = None
        self.close()

    def _target_untouched(self) -> bool:
        """Whether our pause has held every writer of the new side until now."""
        with contextlib.suppress(RedisMoveError):
            self._target_pause.assure()
            return self._target_pause.held
        return False

    def roll_back(self) -> None:
        """Everything written at the new side is carried back; then writers go on at the old one."""
        self._lock()
        if self.journal.phase != SWITCHED:
            raise RedisMoveError(f"{self.name}: nothing was switched, so there is nothing to roll back")
        back = WayBack(self.source, self.target, self.options, self.journal, self.proxy, self.say, self.tell)
        with self._timed("roll_back"):
            try:
                if back.half_open():
                    back.finish_opening()
                else:
                    self._carried_back(back)
            finally:
                back.close()
        self.close()

    def _carried_back(self, back: WayBack) -> None:
        try:
            back.prepare()
            began = time.monotonic()
            back.freeze()
            found = back.settle()
            if found:
                raise DifferentError("the way back is not proved; writers stay at the new side", list(map(str, found)))
            back.open()
        except BaseException:
            back.abandon()
            raise
        self.waited["roll_back_freeze"] = round(time.monotonic() - began, 3)

    def close(self) -> None:
        """Let go of every connection and of the lock."""
        self._close_leg()
        self._pause.release()
        self._target_pause.release()
        self._attempt = self._new_attempt()
        self._stack.close()
        self._locked = False

    def _close_leg(self) -> None:
        self._follower.stop()
        if self._approach:
            self._approach.leg.close()
            self._approach = None

    def _lock(self) -> None:
        if not self._locked:
            self._stack.enter_context(self.journal.locked(self.options.lock_wait))
            self._locked = True

    @contextlib.contextmanager
    def _timed(self, step: str) -> Any:
        began = time.monotonic()
        try:
            yield
        finally:
            self.waited[step] = round(time.monotonic() - began, 3)
