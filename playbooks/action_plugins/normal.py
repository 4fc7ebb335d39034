# Copyright: the developers of tiketi.platform
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Action for modules that have none: those of the AWS collections run in a fork, as ours do (plugin_utils/in_process.py)."""

from __future__ import annotations

from typing import Any

from ansible import constants
from ansible_collections.tiketi.platform.plugins.plugin_utils.in_process import RunModule

FORKED = ("amazon.aws.", "community.aws.")


class ActionModule(RunModule):
    """Others run as they always do: some start themselves anew under an interpreter that they look for."""

    def _may_fork(self, task_vars: dict[str, Any]) -> bool:
        return str(self._task.resolved_action or self._task.action).startswith(FORKED) and super()._may_fork(task_vars)

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        if self._task.action in constants._ACTION_SETUP:
            # Hundreds of facts are for those who ask for them by -v.
            result["_ansible_verbose_override"] = True
        return result
