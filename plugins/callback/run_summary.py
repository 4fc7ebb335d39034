# Copyright: the tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Prints at the end of a run what changed, how long each phase took and where to look next."""

from __future__ import annotations

DOCUMENTATION = r"""
name: run_summary
type: aggregate
short_description: Summarise a run by phase
version_added: 1.0.0
description:
  - After the recap, prints one line per phase (seconds, share of the run, counts), the tasks that took 5 seconds or more,
    what changed, what failed, and the lines that roles left with C(ansible.builtin.set_stats) under the keys C(proved) and C(next_steps).
  - A phase is the name of a play up to C( | ).
  - Prints names of tasks and hosts only, never a result, so that it cannot show a secret.
requirements:
  - enabled in configuration (C(callbacks_enabled = tiketi.platform.run_summary))
options:
  summary_file:
    description: Path of a JSON file to write the same summary to; without it none is written.
    type: path
    env:
      - name: TIKETI_PLATFORM_SUMMARY_FILE
    ini:
      - section: callback_run_summary
        key: summary_file
  max_changes:
    description: Number of changed tasks to list before the rest is counted.
    type: int
    default: 30
    env:
      - name: TIKETI_PLATFORM_SUMMARY_MAX_CHANGES
    ini:
      - section: callback_run_summary
        key: max_changes
author:
  - The tiketi.platform developers
"""

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase
from ansible_collections.tiketi.platform.plugins.module_utils._summary.model import Run
from ansible_collections.tiketi.platform.plugins.module_utils._summary.render import as_dict, as_text


class CallbackModule(CallbackBase):
    """Collects counts per phase while the run goes on and prints them at its end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "tiketi.platform.run_summary"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._run = Run(clock=time.monotonic)
        self._playbook = ""

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._playbook = os.path.basename(playbook._file_name)

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._run.start_phase(play.get_name())

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._run.start_task(task.get_name())

    def v2_runner_on_ok(self, result: Any) -> None:
        self._run.record(result.host.get_name(), result.task.get_name(), "changed" if result.is_changed() else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._run.record(result.host.get_name(), result.task.get_name(), "ignored" if ignore_errors else "failed")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        left_out = result.task_fields.get("ignore_unreachable")
        self._run.record(result.host.get_name(), result.task.get_name(), "ignored" if left_out else "unreachable")

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._run.record(result.host.get_name(), result.task.get_name(), "skipped")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._run.finish()
        rescued = sum(stats.rescued.values())
        told = stats.custom.get("_run", {})
        proved, next_steps = told.get("proved", []), list(dict.fromkeys(told.get("next_steps", [])))
        text = as_text(self._run, self._playbook, proved, next_steps, rescued, int(self.get_option("max_changes")))
        self._display.display(text)
        path = self.get_option("summary_file")
        if path:
            with open(path, "w", encoding="utf-8") as out:
                json.dump(as_dict(self._run, self._playbook, proved, next_steps, rescued), out, indent=2)
                out.write("\n")
