# Copyright: the tiketi.platform developers
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Makes the forks of a run cheaper: what each would read anew is read before it, and nothing that stood before it is searched for garbage."""

from __future__ import annotations

DOCUMENTATION = r"""
name: preload
type: aggregate
short_description: Make the forks of a run cheaper
version_added: 1.0.0
description:
  - C(ansible-playbook) forks for each task on each host. Each fork goes through all objects of the run in search of garbage, several times,
    and imports the filters that its task uses. That took a fifth of the processor time of a run that changes nothing.
  - Imports the filters of this collection once, and hides what stands before the forks from the garbage collector (C(gc.freeze)),
    as Python's documentation advises programs that fork.
  - Changes nothing that a task does or returns. Takes effect in the whole run, also for roles and modules of other collections.
requirements:
  - enabled in configuration (C(callbacks_enabled = tiketi.platform.preload))
author:
  - The tiketi.platform developers
"""

import gc
import importlib
from typing import Any

from ansible.plugins.callback import CallbackBase

_FILTERS = ("ec2_host_wishes", "k3s", "service")
# A run makes objects by the ten thousand, few of them in cycles; the default of 700 looks for those all the time.
_THRESHOLD = 50_000


class CallbackModule(CallbackBase):
    """Acts on this process, from which all forks of the run come."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "tiketi.platform.preload"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: Any) -> None:
        for name in _FILTERS:
            importlib.import_module(f"ansible_collections.tiketi.platform.plugins.filter.{name}")
        gc.collect()
        gc.set_threshold(_THRESHOLD, 10, 10)
        gc.freeze()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        gc.freeze()

    def v2_playbook_on_stats(self, stats: Any) -> None:
        # Python looks for garbage once more at its end, which is a third of a second in a run of this size.
        gc.freeze()
