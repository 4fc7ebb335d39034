"""HAProxy's admin socket: one command, one answer."""

from __future__ import annotations

import socket
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.errors import ProxyError

IN_MAINTENANCE = 0x01 | 0x02 | 0x20  # forced, inherited, by a name that does not resolve


class Admin:
    """A running HAProxy."""

    def __init__(self, path: Path, timeout: float = 10.0) -> None:
        self.path, self.timeout = path, timeout

    def command(self, text: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as session:
                session.settimeout(self.timeout)
                session.connect(str(self.path))
                session.sendall(text.encode() + b"\n")
                parts = []
                while part := session.recv(65536):
                    parts.append(part)
        except OSError as error:
            raise ProxyError(
                f"HAProxy's admin socket {self.path}: {error}. Mend: start the proxy (role redis_proxy), and run with the right to its socket"
            ) from None
        return b"".join(parts).decode("utf-8", "replace").strip()

    def order(self, text: str) -> None:
        """A command whose answer is empty when it worked."""
        answer = self.command(text)
        if answer:
            raise ProxyError(f"HAProxy answered `{text}` with: {answer}")

    def ready(self, backend: str) -> dict[str, bool]:
        """Server -> whether it takes connections."""
        answer = self.command(f"show servers state {backend}")
        rows = [line.split() for line in answer.splitlines() if line[:1].isdigit()]
        found = {row[3]: not int(row[6]) & IN_MAINTENANCE for row in rows if len(row) > 6}
        if not found:
            raise ProxyError(f"HAProxy knows no backend {backend} ({answer}). Mend: run role redis_proxy")
        return found
