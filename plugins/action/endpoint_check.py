# Copyright: the developers of tiketi.platform
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Action: run the module of the same name, without a new interpreter where it runs on the controller.

For modules that ask nothing of AWS; the other files of this kind are links to this one. Those that do are links to foundation_info.py.
"""

from __future__ import annotations

from ansible_collections.tiketi.platform.plugins.plugin_utils.in_process import RunModule


class ActionModule(RunModule):
    """All is in the base."""
