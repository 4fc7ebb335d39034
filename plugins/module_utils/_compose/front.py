"""The proxy before the replicas: takes one of them out while its requests end, and puts it back when it is healthy."""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._compose.errors import ComposeError
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.errors import ProxyError
from ansible_collections.tiketi.platform.plugins.module_utils._haproxy.runtime import Admin

POLL = 0.1
UP_SECONDS = 30.0


@dataclass(frozen=True)
class Front:
    """A backend of HAProxy, whose servers have the names of the replicas."""

    socket: str
    backend: str

    def drain(self, server: str, seconds: float) -> int:
        """No new requests; wait for those under way. Return how many were left when the time was over."""
        self._order(f"set server {self.backend}/{server} state drain")
        deadline = time.monotonic() + seconds
        while (left := int(self._stat(server)["scur"])) and time.monotonic() < deadline:
            time.sleep(POLL)
        return left

    def ready(self, server: str) -> None:
        """Requests again, as soon as the proxy itself has found it healthy."""
        self._order(f"set server {self.backend}/{server} state ready")
        deadline = time.monotonic() + UP_SECONDS
        while not (status := self._stat(server)["status"]).startswith("UP"):
            if time.monotonic() > deadline:
                raise ComposeError(
                    f"HAProxy does not take {self.backend}/{server} back: {status}. Mend: see its checks (show stat)."
                )
            time.sleep(POLL)

    def _order(self, command: str) -> None:
        try:
            Admin(Path(self.socket)).order(command)
        except ProxyError as error:
            raise ComposeError(str(error)) from None

    def _stat(self, server: str) -> dict[str, str]:
        row = self._rows().get(server)
        if row is None:
            raise ComposeError(f"HAProxy has no server {self.backend}/{server}. Mend: run the role compose_app")
        return row

    def _rows(self) -> dict[str, dict[str, str]]:
        try:
            text = Admin(Path(self.socket)).command(f"show stat {self.backend} 4 -1")
        except ProxyError as error:
            raise ComposeError(str(error)) from None
        return {row["svname"]: row for row in csv.DictReader(text.removeprefix("# ").splitlines())}
