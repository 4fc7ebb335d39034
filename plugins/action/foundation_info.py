# Copyright: the developers of tiketi.platform
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Action: run the module of the same name, without a new interpreter where it runs on the controller.

Each module that asks AWS there has it: the other files of this kind are links to this one. Those that do not are links to endpoint_check.py.
"""

from __future__ import annotations

import contextlib
import importlib

from ansible_collections.tiketi.platform.plugins.plugin_utils import aws_models
from ansible_collections.tiketi.platform.plugins.plugin_utils.in_process import RunModule

# The run loads this file once, before it forks for its tasks, so these stand in each of them. Who lacks one hears it of the module.
for _library in ("boto3", "ansible_collections.amazon.aws.plugins.module_utils.modules"):
    with contextlib.suppress(ImportError):
        importlib.import_module(_library)
aws_models.share()


class ActionModule(RunModule):
    """All is in the base."""
