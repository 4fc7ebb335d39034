"""The example's assets carry the hash of their content, so that caches may keep them for ever."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
FRONTEND = ROOT / "examples" / "tiketi" / "frontend"


def test_names_follow_from_content() -> None:
    done = subprocess.run(
        [sys.executable, FRONTEND / "name_assets.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + "Mend: python examples/tiketi/frontend/name_assets.py"


def test_each_file_gets_the_caching_that_the_role_promises() -> None:
    defaults = yaml.safe_load((ROOT / "roles" / "static_site" / "defaults" / "main.yml").read_text())
    rules = [(re.compile(rule["pattern"]), rule["cache_control"]) for rule in defaults["static_site_cache_rules"]]

    def caching(key: str) -> str:
        return next(value for pattern, value in rules if pattern.search(key))

    for path in (FRONTEND / "site" / "assets").iterdir():
        assert "immutable" in caching(f"assets/{path.name}")
    assert caching("index.html") == "no-cache"
    assert caching("favicon.svg") == caching("assets/app-settings.js") == "public, max-age=300"
