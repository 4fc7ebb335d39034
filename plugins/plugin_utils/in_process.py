# Copyright: the developers of tiketi.platform
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Base of actions: run a module of the controller in a fork of this process instead of a new interpreter.

A new interpreter reads Ansible's and Amazon's libraries again for every task, which takes longer than most calls to AWS. A fork
has those that the run imported once, and each module still has a process of its own: what it does to its globals, its signals or
its memory ends with it. A module on another host, as another user, in the background or for another interpreter runs as any
module does. `TIKETI_PLATFORM_IN_PROCESS=0` in the environment has all run so.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ansible
from ansible import constants
from ansible.module_utils import _internal
from ansible.module_utils.common.json import Direction, get_module_encoder
from ansible.plugins.action import ActionBase

try:  # what every module is begun by; ansible-core keeps it for itself, so another release may have it elsewhere
    from ansible.module_utils._internal._ansiballz import _loader
except ImportError:
    _loader = None

_PROFILE = "legacy"
_LIBRARY = str(Path(ansible.__file__).parents[1])


@dataclass(frozen=True)
class Fork:
    """A module by its dotted name, its arguments as AnsibleModule reads them, and what is added to the environment."""

    name: str
    arguments: bytes
    environment: Mapping[str, str] = field(default_factory=dict)


class InProcess(ActionBase):
    """`_execute_module` as ansible-core has it, with two of its steps exchanged where that is possible."""

    _forked: Fork | None = None

    def _configure_module(
        self, module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]
    ) -> tuple[Any, str]:
        self._forked = None
        found = self._shared_loader_obj.module_loader.find_plugin_with_context(
            module_name, ".py", collection_list=self._task.collections
        )
        if not found.resolved or not self._may_fork(task_vars):
            configured: tuple[Any, str] = super()._configure_module(module_name, module_args, task_vars)
            return configured
        encoder = get_module_encoder(_PROFILE, Direction.CONTROLLER_TO_MODULE)
        arguments = json.dumps({"ANSIBLE_MODULE_ARGS": module_args}, cls=encoder).encode()
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        self._forked = Fork(
            found.plugin_resolved_name, arguments, {name: str(value) for name, value in environment.items()}
        )
        bits = SimpleNamespace(
            module_style="new",
            shebang=f"#!{sys.executable}",
            b_module_data=b"",
            serialization_profile=_PROFILE,
        )
        return bits, str(found.plugin_resolved_path)

    def _low_level_execute_command(self, cmd: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if self._forked is None:
            done: dict[str, Any] = super()._low_level_execute_command(cmd, *args, **kwargs)
            return done
        forked, self._forked = self._forked, None
        code, out, err = run_forked(forked)
        return {
            "rc": code,
            "stdout": out,
            "stdout_lines": out.splitlines(),
            "stderr": err,
            "stderr_lines": err.splitlines(),
        }

    def _may_fork(self, task_vars: dict[str, Any]) -> bool:
        return (
            _loader is not None
            and os.environ.get("TIKETI_PLATFORM_IN_PROCESS", "1") != "0"
            and self._connection.transport == "local"
            and self._connection.become is None
            and not self._task.async_val
            and not constants.DEFAULT_KEEP_REMOTE_FILES
            and bool(self._is_pipelining_enabled("new"))
            and self._interpreter(task_vars) == sys.executable
        )

    def _interpreter(self, task_vars: dict[str, Any]) -> str:
        host = self._task.delegate_to
        variables = task_vars["ansible_delegated_vars"][host] if host else task_vars
        return str(self._templar.template(variables.get("ansible_python_interpreter") or ""))


class RunModule(InProcess):
    """The whole of an action that only runs the module of its task, as ansible-core's `normal` does.

    Not derived from that one: an action of that name in a folder of the user takes its place, and its name, in the process.
    """

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        in_background = bool(self._task.async_val and not self._connection.has_native_async)
        result.update(self._execute_module(task_vars=task_vars, wrap_async=in_background))
        if not in_background:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result


def run_forked(fork: Fork) -> tuple[int, str, str]:
    """The exit code of the module (negative for a signal), what it wrote and what it complained of."""
    outs, errs = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _be_the_module(fork, outs[1], errs[1])
    os.close(outs[1])
    os.close(errs[1])
    try:
        out, err = _read_both(outs[0], errs[0])
    finally:
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), out.decode(errors="surrogateescape"), err.decode(errors="replace")


def _be_the_module(fork: Fork, out: int, err: int) -> None:
    """Never returns: what is registered to happen at the end of the parent must not happen here."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        # By number: what a module starts inherits these, whatever Python calls its streams.
        for source, target in ((nothing, 0), (out, 1), (err, 2)):
            os.dup2(source, target)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - end with the process
        # Warnings go with the module's result instead of to the screen of the run.
        _internal.is_controller = False
        os.environ.update(fork.environment)
        _loader.run_module(
            json_params=fork.arguments, profile=_PROFILE, module_fqn=fork.name, modlib_path=_LIBRARY, extensions={}
        )
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _read_both(out: int, err: int) -> tuple[bytes, bytes]:
    found: dict[int, list[bytes]] = {out: [], err: []}
    open_ones = {out, err}
    while open_ones:
        for ready in select.select(list(open_ones), [], [])[0]:
            part = os.read(ready, 65536)
            if part:
                found[ready].append(part)
            else:
                open_ones.discard(ready)
                os.close(ready)
    return b"".join(found[out]), b"".join(found[err])
