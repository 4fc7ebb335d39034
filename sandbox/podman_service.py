"""Podman's Docker-compatible API on a socket of our own, as a process that outlives the command line."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from sandbox.engine import Engine
from sandbox.errors import SandboxError
from sandbox.shell import tail

START_LIMIT = 20.0


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("engine", timeout=5)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def answers(path: Path) -> bool:
    connection = _SocketConnection(path)
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def pid_file(path: Path) -> Path:
    return path.with_suffix(".pid")


def owned_pid(path: Path) -> int | None:
    """The process of ours, or None: a pid file may be stale and its number belong to somebody else."""
    try:
        pid = int(pid_file(path).read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if f"unix://{path}".encode() in words else None


def ensure(engine: Engine) -> bool:
    """Start the service unless it answers; say whether it had to be started."""
    path = engine.socket
    if answers(path) and owned_pid(path):
        return False
    stop(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = path.with_suffix(".log")
    with log.open("ab") as sink:
        process = subprocess.Popen(
            ["podman", "system", "service", "--time=0", f"unix://{path}"],
            env=engine.env,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            cwd="/",
        )
    pid_file(path).write_text(str(process.pid))
    limit = time.monotonic() + START_LIMIT
    while not answers(path):
        if process.poll() is not None or time.monotonic() > limit:
            raise SandboxError(
                f"the Podman service does not answer on {path}:\n{tail(log.read_text(errors='replace'))}"
            )
        time.sleep(0.05)
    return True


def stop(path: Path) -> None:
    pid = owned_pid(path)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        limit = time.monotonic() + 5
        while owned_pid(path) == pid and _alive(pid):
            if time.monotonic() > limit:
                os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.05)
    path.unlink(missing_ok=True)
    pid_file(path).unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except OSError:
        return False
    return state != "Z"
