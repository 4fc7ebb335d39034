"""The way back: what was written at the new side is carried to the old one while users work, then writers follow it.

Nothing is irreversible before `open`. Until then the old side refuses writers and the new side has them, so a run that dies leaves
them where they are; after the decision whoever finds it dead carries back what was written since, and opens.
"""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.errors import ProxyError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.endpoint import Endpoint
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.errors import RedisMoveError
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.freeze import (
    Pause,
    Refusal,
    cut,
    migration_login,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.journal import Journal
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.leg import Leg
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.model import (
    COPIED,
    SWITCHED,
    Difference,
    Options,
)
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.passes import Approach
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.switch import NEW_SIDE, OLD, Switch
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.telling import Tell, nobody
from ansible_collections.tiketi.platform.plugins.module_utils._redis_migration.tracking import Follower


class WayBack:
    """One attempt. The journal is locked by the caller."""

    def __init__(
        self,
        source: Endpoint,
        target: Endpoint,
        options: Options,
        journal: Journal,
        proxy: Switch,
        say: Callable[[str], None] = lambda words: None,
        tell: Tell = nobody,
    ) -> None:
        self.source, self.target, self.options = source, target, options
        self.journal, self.proxy, self.say, self.tell = journal, proxy, say, tell
        self._refusal = Refusal(source, journal.id)
        self._follower, self._pause = Follower(target), Pause(target, options.freeze_limit)
        self._approach: Approach | None = None

    @property
    def wanted(self) -> bool:
        """Writers are at the new side."""
        return self.journal.phase == SWITCHED

    def prepare(self) -> None:
        """Passes until little is left, and the comparison of everything."""
        method = self.journal.entries["refusal"]
        self._refusal.refuse(method)  # a restart of the old side has forgotten it
        old = self.source
        if method["method"] == "acl":
            old = migration_login(self.source, self.journal.id)
        else:
            self._refusal.permit(method)  # it would refuse us too; the proxy keeps the others away
        self._approach = Approach(Leg(self.target, old, self.options), self._follower, self.say, self.tell)
        self._approach.online(compare=True)

    def freeze(self) -> None:
        if not self._pause.hold():
            raise RedisMoveError(f"target {self.target.label}: it cannot hold writers (CLIENT PAUSE WRITE)")

    def near(self) -> None:
        """Other stores may have taken their time since."""
        if self._approach:
            self._approach.again()

    def predict(self) -> float:
        return self._approach.predict() if self._approach else 0.0

    def cancel(self) -> None:
        """A step that hangs must hold nobody when it comes back."""
        self._pause.cancel()

    def settle(self) -> list[Difference]:
        """What changed since, carried over and compared; an empty list is the proof."""
        if self._approach is None:
            raise RedisMoveError(f"redis {self.source.label}: nothing was prepared for the way back")
        self._pause.assure()
        found = self._approach.frozen()
        self._pause.assure()
        return found

    def holds(self) -> bool:
        """Whether the writers of the new side have been held without a gap until now."""
        if not self._pause.held:
            return False
        try:
            self._pause.assure()
        except RedisMoveError:
            return False
        return True

    def open(self) -> None:
        """Writers go on at the old side; to be called while they are held, after a proof."""
        self._pause.assure()
        self._close_leg()
        method = self.journal.entries["refusal"]
        # From here on the proxy says where writers are, should we die.
        self.journal.save(opening=True)
        self._refusal.permit(method)
        self._pause.let_answers_arrive()
        try:
            self.proxy.activate(OLD)
        except BaseException:
            self._refusal.refuse(method)  # never two sides that take writes
            self.journal.save(opening=False)
            raise
        self._leave()

    def half_open(self) -> bool:
        """A run died after it had led writers to the old side: nothing is carried any more, what is there is newer."""
        if not (self.wanted and self.journal.entries.get("opening")):
            return False
        try:
            return self.proxy.active() == OLD
        except ProxyError:  # both: it died between the two orders
            return True

    def finish_opening(self) -> None:
        self._refusal.permit(self.journal.entries["refusal"])
        self.proxy.activate(OLD)
        self._leave()

    def _leave(self) -> None:
        self.proxy.cut(NEW_SIDE)
        for words in cut(self.target):
            self.say(words)
        self.journal.save(phase=COPIED, opened=False, opening=False)
        self._pause.release()

    def abandon(self) -> None:
        """Writers stay at the new side, unless they were led away from it before something failed."""
        self.cancel()
        self._close_leg()
        if self.wanted and not self.half_open():
            self._refusal.refuse(self.journal.entries["refusal"])
        self._pause.lift()

    def close(self) -> None:
        self._close_leg()
        self._pause.release()

    def _close_leg(self) -> None:
        self._follower.stop()
        if self._approach:
            self._approach.leg.close()
            self._approach = None
