"""The function at the edge, run by Node where there is one: the page for the application's paths, never for the API's."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CODE = (Path(__file__).resolve().parents[3] / "roles" / "static_site" / "files" / "single_page.js").read_text()
NODE = shutil.which("node") or shutil.which("nodejs")


def answer(uri: str, paths: list[str]) -> dict[str, Any]:
    code = CODE.replace('["/api/*"]', json.dumps(paths))
    script = f"{code}\nconsole.log(JSON.stringify(handler({json.dumps({'request': {'uri': uri}})})))"
    done = subprocess.run([str(NODE), "-e", script], capture_output=True, text=True, check=True, timeout=30)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(NODE is None, reason="no Node here; tests/e2e/test_6_edge.py runs it at MiniStack's edge")
@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/", "/index.html"),
        ("/events/12", "/index.html"),
        ("/apiary", "/index.html"),
        ("/assets/gone.js", "/assets/gone.js"),
        ("/.well-known/x", "/.well-known/x"),
        ("/api/v1/events", 404),
        ("/api/v1/file.json", 404),
        ("/v2+/list", 404),
        ("/health", 404),
    ],
)
def test_what_becomes_of_a_path(uri: str, expected: str | int) -> None:
    found = answer(uri, ["/api/*", "/v?+/*", "/health"])
    assert (found.get("uri") or found["statusCode"]) == expected
    if expected == 404:
        assert json.loads(found["body"])["error"] == "no_api"


def test_the_list_that_the_role_replaces_is_there_once() -> None:
    assert CODE.count('["/api/*"]') == 1
