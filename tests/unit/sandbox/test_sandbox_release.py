"""Whether the K3s release can be had: by the pinned file itself, wherever its page sends us."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sandbox import k3s, net


class Site(BaseHTTPRequestHandler):
    """A page that is let through; files that come by themselves, over a redirect, or from a host that is not."""

    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/page" else 403)
        self.end_headers()

    def do_GET(self) -> None:
        where = {"/moved": "/file", "/blocked": "http://127.0.0.1:1/file"}.get(self.path)
        self.send_response(302 if where else 200 if self.path in ("/file", "/empty") else 404)
        if where:
            self.send_header("Location", where)
        self.end_headers()
        if self.path == "/file":
            self.wfile.write(b"\x7fELF")

    def log_message(self, *_words: object) -> None: ...


@pytest.fixture
def site() -> Iterator[str]:
    net.served.cache_clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "served"), [("file", True), ("moved", True), ("blocked", False), ("missing", False), ("empty", False)]
)
def test_a_file_is_served_when_its_first_byte_comes(site: str, path: str, served: bool) -> None:
    assert net.served(f"{site}/{path}") is served


def test_a_page_that_is_let_through_is_no_release(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert net.reached(f"{site}/page")
    monkeypatch.setattr(k3s, "pinned", lambda: {"k3s_common_urls": [f"{site}/blocked"]})
    assert not k3s.release_reached()
    monkeypatch.setattr(k3s, "pinned", lambda: {"k3s_common_urls": [f"{site}/blocked", f"{site}/moved"]})
    assert k3s.release_reached()


@pytest.mark.parametrize(("machine", "name"), [("x86_64", "k3s"), ("aarch64", "k3s-arm64")])
def test_the_pinned_file_is_the_one_that_the_role_fetches(
    machine: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(k3s.platform, "machine", lambda: machine)
    found = k3s.pinned()
    version = found["k3s_common_version"].replace("+", "%2B")
    assert found["k3s_common_urls"] == [f"https://github.com/k3s-io/k3s/releases/download/{version}/{name}"]
