# Copyright: the developers of tiketi.platform
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Looks at files on a host while a module is at work there, over a connection of its own, and shows what they tell."""

from __future__ import annotations

import contextlib
import contextvars
import copy
import shlex
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

INTERVAL = 1.0  # seconds from one look to the next
AGAIN = 5.0  # seconds after which the same words are said once more, so that the run does not look like a hang
PARTING = 1.0  # seconds that the last look may take when the module has ended
# Each command is a process of its own there, so a second one does not come in the way of the module's.
TRANSPORTS = ("ssh", "local", "containers.podman.podman", "community.docker.docker")

Words = Callable[[float, Sequence[str], float], str]


@contextlib.contextmanager
def looking(action: ActionBase, files: Sequence[str], words: Words) -> Iterator[None]:
    """While the block runs. `words(now, texts, elapsed)`: a line for a person, empty where there is nothing new to say.

    `now`: the host's clock (seconds since 1970); `texts`: one for each of `files`, empty where it is not there; `elapsed`: seconds
    since the block began. What goes wrong with looking is nobody's business but that of `-vvv`.
    """
    if getattr(action._connection, "transport", "") not in TRANSPORTS:
        yield
        return
    over = threading.Event()
    onlooker = contextvars.copy_context()
    thread = threading.Thread(target=onlooker.run, args=(_look_on, _beside(action), files, words, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PARTING)


def _beside(action: ActionBase) -> ActionBase:
    """The same host and the same rights. What changes while a command runs (prompts, flags) is a copy's own."""
    other = copy.copy(action)
    other._connection = copy.copy(action._connection)
    become = getattr(action._connection, "become", None)
    if become is not None:
        other._connection.set_become_plugin(copy.copy(become))
    return other


def _look_on(action: ActionBase, files: Sequence[str], words: Words, over: threading.Event) -> None:
    script = "; ".join(["date +%s", *(f"printf '\\036'; cat {shlex.quote(one)} 2>/dev/null" for one in files), "true"])
    began, shown, at = time.monotonic(), "", 0.0
    while not over.wait(INTERVAL):
        try:
            elapsed = time.monotonic() - began
            clock, *texts = str(action._low_level_execute_command(script)["stdout"]).split("\x1e")
            line = words(float(clock), texts, elapsed)
        except Exception as error:
            Display().vvv(f"how far it is cannot be seen: {type(error).__name__}")
            continue
        now = time.monotonic()
        if line and not over.is_set() and (line != shown or now - at >= AGAIN):
            Display().display(f"  {line}")
            shown, at = line, now
