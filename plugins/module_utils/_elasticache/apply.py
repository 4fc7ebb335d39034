"""Bring a replication group to what is wanted: read, plan, act, wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .api import ElastiCache
from .errors import AnsibleElastiCacheError, FaultyRequestError
from .model import AVAILABLE, CREATE_FAILED, DELETING, Group, Spec
from .plan import Action, Kind, plan
from .wait import Waiter

FIRST_NODE_GROUP = "0001"


@dataclass
class Outcome:
    """What a run found, did (or would do, in check mode) and left."""

    changed: bool = False
    actions: list[str] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Runner:
    api: ElastiCache
    waiter: Waiter
    check_mode: bool = False
    wait: bool = True

    def present(self, spec: Spec) -> Outcome:
        name = spec.replication_group_id
        outcome = Outcome()
        found = self.api.read_group(name)
        current = found[0] if found else None
        if current and not self._settled(current, outcome):
            return outcome
        if current and current.status != AVAILABLE:
            # It was still busy: what it became is what counts.
            found = self.api.read_group(name)
            current = found[0] if found else None
        actions = plan(current, spec)
        self._refuse_without_token(actions, spec)
        _record(outcome, actions)
        if not self.check_mode:
            self._perform(name, actions, outcome)
        return outcome

    def absent(self, name: str, final_snapshot: str | None) -> Outcome:
        raw = self.api.describe_group(name)
        if raw is None:
            return Outcome()
        outcome = Outcome(before={"status": raw["Status"]}, after={})
        if raw["Status"] != DELETING:
            outcome.changed, outcome.actions = True, ["delete"]
            if not self.check_mode:
                if raw["Status"] not in (AVAILABLE, CREATE_FAILED) and self.wait:
                    self.waiter.until_available(name)
                # A group that never came to be has nothing to save, and ElastiCache refuses to try.
                self.api.delete_group(name, None if raw["Status"] == CREATE_FAILED else final_snapshot)
        if self.wait and not self.check_mode:
            self.waiter.until_gone(name)
        return outcome

    def _settled(self, current: Group, outcome: Outcome) -> bool:
        """Whether the group can be compared now. One that is busy is waited for first."""
        name, status = current.replication_group_id, current.status
        if status in (AVAILABLE, CREATE_FAILED):
            return True
        if not self.wait:
            outcome.warnings.append(f"Replication group {name} is {status}: it was not compared, run again with wait")
            return False
        if status == DELETING:
            self.waiter.until_gone(name)
        else:
            self.waiter.until_available(name)
        return True

    def _refuse_without_token(self, actions: list[Action], spec: Spec) -> None:
        needs = any("AuthToken" in action.request for action in actions)
        if needs and not spec.auth_token and not self.check_mode:
            raise FaultyRequestError(["auth_token is needed to apply auth_token_version, and is not set: give both"])

    def _perform(self, name: str, actions: list[Action], outcome: Outcome) -> None:
        for index, action in enumerate(actions):
            self._call(name, action)
            rest = actions[index + 1 :]
            if not action.settles:
                continue
            if self.wait:
                self.waiter.until_available(name)
            elif any(later.settles for later in rest):
                # The tag that records a token belongs to the step just done.
                if rest and rest[0].kind is Kind.TAG and action.kind is Kind.AUTH_TOKEN:
                    self._call(name, rest[0])
                left = ", ".join(str(later) for later in rest if later.settles)
                outcome.warnings.append(f"Left for the next run, as wait is off: {left}")
                return

    def _call(self, name: str, action: Action) -> None:
        api, request = self.api, action.request
        match action.kind:
            case Kind.CREATE:
                api.create_group(request)
            case Kind.MODIFY | Kind.AUTH_TOKEN | Kind.PROMOTE:
                api.modify_group(name, request)
            case Kind.INCREASE_REPLICAS:
                api.increase_replicas(name, request)
            case Kind.DECREASE_REPLICAS:
                api.decrease_replicas(name, request)
            case Kind.FAIL_OVER:
                api.fail_over(name, FIRST_NODE_GROUP)
            case Kind.TAG:
                api.tag(self._arn(name), request["Tags"])
            case Kind.UNTAG:
                api.untag(self._arn(name), request["TagKeys"])

    def _arn(self, name: str) -> str:
        raw = self.api.describe_group(name)
        if raw is None:
            raise AnsibleElastiCacheError(message=f"Replication group {name} went away while it was tagged")
        return str(raw["ARN"])


def _record(outcome: Outcome, actions: list[Action]) -> None:
    outcome.changed = bool(actions)
    outcome.actions = [str(action) for action in actions]
    for action in actions:
        for key, value in action.before.items():
            outcome.before.setdefault(key, value)
        outcome.after.update(action.after)
