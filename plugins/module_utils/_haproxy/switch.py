"""Pointing a running HAProxy from one server to another, without a restart, so that a restart keeps it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._haproxy import config
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.errors import ProxyError
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.runtime import Admin


class ProxySwitch:
    """One backend with a server per side."""

    def __init__(self, admin_socket: Path, config_file: Path, backend: str = "redis") -> None:
        self.admin, self.config_file, self.backend = Admin(admin_socket), config_file, backend

    def active(self) -> str:
        """The side that new connections go to now."""
        sides = [side for side, ready in self.admin.ready(self.backend).items() if ready]
        if len(sides) != 1:
            raise ProxyError(
                f"backend {self.backend} of HAProxy has {len(sides)} ready servers, one is right. Mend: run role redis_proxy"
            )
        return sides[0]

    def activate(self, side: str) -> None:
        """The new side becomes ready before the others stop: no moment without a server, so no refused connection."""
        text = self._read()
        wanted = config.with_active(text, self.backend, side)
        self.admin.order(f"set server {self.backend}/{side} state ready")
        for other in self.admin.ready(self.backend):
            if other != side:
                self.admin.order(f"set server {self.backend}/{other} state maint")
        if wanted != text:
            self._write(wanted)
        if self.active() != side:
            raise ProxyError(
                f"HAProxy did not make {self.backend}/{side} ready. Mend: see `show servers state` at its socket"
            )

    def cut(self, side: str) -> None:
        """End the sessions at this side; their clients connect again."""
        self.admin.order(f"shutdown sessions server {self.backend}/{side}")

    def _read(self) -> str:
        try:
            return self.config_file.read_text(encoding="utf-8")
        except OSError as error:
            raise ProxyError(
                f"the configuration of HAProxy cannot be read: {error}. Mend: run role redis_proxy"
            ) from None

    def _write(self, text: str) -> None:
        """Whole or not at all, with the owner and mode that the file had."""
        was = self.config_file.stat()
        temporary = self.config_file.with_name(f".{self.config_file.name}.new")
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        os.chmod(temporary, was.st_mode & 0o7777)
        with contextlib.suppress(PermissionError):
            os.chown(temporary, was.st_uid, was.st_gid)
        temporary.replace(self.config_file)
