# Copyright: the developers of tiketi.platform
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Action: run the module of the same name and show its progress while it waits."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Any

from ansible.utils.display import Display
from ansible_collections.tiketi.platform.plugins.plugin_utils.in_process import InProcess

_INTERVAL = 0.5


class ActionModule(InProcess):
    """A rollout of minutes should not look like a hang."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        # The lines pass through a file, which only a module on this machine can write to.
        if self._connection.transport != "local" or self._task.args.get("progress_file"):
            return self._execute({}, task_vars)
        with tempfile.TemporaryDirectory(prefix="service-deploy-") as folder:
            path, over = Path(folder) / "progress", threading.Event()
            path.touch(mode=0o600)
            shower = threading.Thread(target=_show, args=(path, over), daemon=True)
            shower.start()
            try:
                return self._execute({"progress_file": str(path)}, task_vars)
            finally:
                over.set()
                shower.join()

    def _execute(self, more: dict[str, str], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        arguments = {**self._task.args, **more}
        name = "tiketi.platform.service_deploy"
        result = self._execute_module(module_name=name, module_args=arguments, task_vars=task_vars)
        assert isinstance(result, dict)
        return result


def _show(path: Path, over: threading.Event) -> None:
    display, seen = Display(), 0
    while True:
        # Asked before reading, so that the last lines are read after the end.
        last = over.wait(_INTERVAL)
        with path.open(encoding="utf-8") as file:
            file.seek(seen)
            for line in iter(file.readline, ""):
                display.display(f"  {line.rstrip()}")
            seen = file.tell()
        if last:
            return
