"""The components as child processes that live and die with K3s, as its goroutines do."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from . import log

_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)
STOP_SECONDS: Final = 2.0


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def notify(state: str) -> None:
    """Tell systemd, when it started us (Type=notify)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client, contextlib.suppress(OSError):
        client.connect("\0" + address[1:] if address.startswith("@") else address)
        client.send(state.encode())


def wait_for(condition: Callable[[], bool], seconds: float, what: str, step: float = 0.1) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise log.FatalError(f"timed out after {seconds:.0f}s waiting for {what}")
        time.sleep(step)


class ChildExitError(log.FatalError):
    """A component ended by itself."""

    def __init__(self, name: str, status: int, words: str) -> None:
        super().__init__(f"{name} exited: status {status}: {words[-600:]}")
        self.name = name
        self.words = words


class Processes:
    """Children in the order of their start; the loss of one ends the whole, as in K3s."""

    def __init__(self, binaries: Path, logs: Path) -> None:
        self._binaries = binaries
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping = threading.Event()

    def start(self, name: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        own = self._binaries / name
        executable = str(own) if own.exists() else name
        self._logs.mkdir(parents=True, exist_ok=True)
        if name.startswith("kube"):
            log.info(f"Running {name} {' '.join(arguments)}")
        # NOTIFY_SOCKET is ours: etcd and containerd would report ready to systemd in our place.
        inherited = {key: value for key, value in os.environ.items() if key not in ("NOTIFY_SOCKET", "K3S_TOKEN")}
        with (self._logs / f"{name}.log").open("ab") as stream:
            self._running[name] = subprocess.Popen(
                [executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=inherited | dict(environment or {}),
                # A child must not outlive a K3s that was killed; there is no other way to ask the kernel for this.
                preexec_fn=_die_with_parent,  # noqa: PLW1509
            )

    def alive(self, name: str) -> bool:
        return name in self._running and self._running[name].poll() is None

    def check(self) -> None:
        for name, process in self._running.items():
            status = process.poll()
            if status is not None and not self._stopping.is_set():
                raise ChildExitError(name, status, self._last_words(name))

    def _last_words(self, name: str) -> str:
        try:
            lines = (self._logs / f"{name}.log").read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return " | ".join(line.strip() for line in lines[-20:])

    def wait_for(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        def met() -> bool:
            self.check()
            return condition()

        wait_for(met, seconds, what)

    def supervise(self) -> None:
        """Hold until SIGTERM or the end of a child."""
        while not self._stopping.wait(0.5):
            self.check()

    def terminate(self) -> None:
        self._stopping.set()

    def stop(self, last: str = "etcd") -> None:
        """All at once, the datastore last, none longer than a few seconds."""
        self._stopping.set()
        self._end([name for name in self._running if name != last])
        self._end([name for name in self._running if name == last])

    def _end(self, names: Sequence[str]) -> None:
        for name in names:
            if self._running[name].poll() is None:
                self._running[name].terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for name in names:
            try:
                self._running[name].wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._running[name].kill()
                self._running[name].wait()
