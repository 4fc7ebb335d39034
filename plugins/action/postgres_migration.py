# Copyright: the developers of tiketi.platform
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Action: run the module of the same name, and show meanwhile how far it is.

A long verb that goes on without its module is waited for in slices, between which the module tells. One that moves writers is watched
by the journal that it keeps on its host.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.args import SETTING_ARGUMENTS
from ansible_collections.tiketi.platform.plugins.plugin_utils import moving_words, onlooker

SLICE = 5.0  # seconds
MIB = 1024**2
SHOWN = 3  # of what is at work
FOLLOW_TIMEOUT = float(SETTING_ARGUMENTS["follow_timeout"]["default"])
MODULE = "tiketi.platform.postgres_migration"


class ActionModule(ActionBase):
    """A copy of hours should not look like a hang. It goes on when this run dies, and the next one waits on."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        if not float(arguments.get("attach") or 0):
            arguments["attach"] = SLICE
        began, patience = time.monotonic(), float(arguments.get("follow_timeout") or FOLLOW_TIMEOUT)
        notices: list[str] = []
        changed = False
        while True:
            with self._watched(arguments):
                result: dict[str, Any] = self._execute_module(
                    module_name=MODULE, module_args=arguments, task_vars=task_vars
                )
            if not result.get("running") or self._task.args.get("attach"):
                break
            # What is said once, and what was done: the next slice only waits.
            notices += result.get("notices", [])
            changed = changed or bool(result.get("changed"))
            arguments["restart"] = False
            arguments["follow_timeout"] = max(1.0, patience - (time.monotonic() - began))
            Display().display(f"  {in_words(result.get('progress') or {})}")
        if notices and "notices" in result:
            result["notices"] = notices + [one for one in result["notices"] if one not in notices]
        if changed and not result.get("failed"):
            result["changed"] = True
        return result

    def _watched(self, arguments: dict[str, Any]) -> contextlib.AbstractContextManager[None]:
        """A dry run moves nobody; what is not a path of the host as it stands here cannot be found from here."""
        folder = moving_words.folder(arguments, str(SETTING_ARGUMENTS["folder"]["default"]))
        if arguments.get("verb") not in moving_words.VERBS or self._task.check_mode or not folder:
            return contextlib.nullcontext()
        files = [f"{folder}/{name}" for name in moving_words.FILES]
        return onlooker.looking(self, files, moving_words.line(arguments["verb"]))


def in_words(progress: dict[str, Any]) -> str:
    """One line for a person: what is done of how much, how fast, how long still, and what is at work."""
    if progress.get("lag_bytes") is not None:
        return _lag_in_words(progress)
    if not progress.get("total_bytes"):
        return f"{progress.get('step', 'begin')} ..." + _at_work(progress)
    done, total = progress["done_bytes"] / MIB, progress["total_bytes"] / MIB
    line = f"{progress['step']}: {done:.0f} of {total:.0f} MiB, {progress['done_rows']} of about {progress['total_rows']} rows"
    line += f", {progress['rate'] / MIB:.0f} MiB/s" if progress.get("rate") else ""
    line += f", {progress['eta']:.0f} s left" if progress.get("eta") is not None else ""
    return line + _at_work(progress) + (f"; {progress['note']}" if progress.get("note") else "")


def _at_work(progress: dict[str, Any]) -> str:
    """Indexes and the like are not counted in bytes: how many are still to be made, and which ones are being made."""
    extra = progress.get("extra") or {}
    left, running = extra.get("steps_left") or 0, extra.get("running") or []
    if progress.get("done_bytes", 0) < progress.get("total_bytes", 0):
        running = [one for one in running if not one.startswith("copy ")]  # the bytes tell
    words = f"; {left} steps left" if left else ""
    return words + (f"; {', '.join(running[:SHOWN])}{', ...' if len(running) > SHOWN else ''}" if running else "")


def _lag_in_words(progress: dict[str, Any]) -> str:
    line = f"{progress['step']}: {progress['lag_bytes'] / MIB:.1f} MiB behind"
    line += f", {progress['rate'] / MIB:.1f} MiB/s nearer" if progress.get("rate") else ""
    return line + (f", {progress['eta']:.0f} s left" if progress.get("eta") is not None else "")
