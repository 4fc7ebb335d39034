"""Gives each file in site/assets the first ten hexadecimal digits of its content in its name, and index.html the new names.

`python examples/tiketi/frontend/name_assets.py` after a change of an asset; with --check it only says what is wrong (exit 1).
A name that follows from the content is what lets caches keep an asset for ever.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

SITE = Path(__file__).resolve().parent / "site"
DIGITS = 10
NAME = re.compile(rf"(?P<stem>[\w-]+)(\.[0-9a-f]{{{DIGITS}}})?(?P<suffix>\.\w+)")


def wanted_name(path: Path) -> str:
    found = NAME.fullmatch(path.name)
    if found is None:
        raise SystemExit(f"{path}: a name has one dot, or a hash between two. Mend: rename it")
    return f"{found['stem']}.{hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]}{found['suffix']}"


def main(check: bool) -> int:
    page = SITE / "index.html"
    text = page.read_text(encoding="utf-8")
    wrong = []
    for path in sorted((SITE / "assets").iterdir()):
        name = wanted_name(path)
        if name != path.name:
            wrong.append(f"{path.name} -> {name}")
            text = text.replace(f"/assets/{path.name}", f"/assets/{name}")
            if not check:
                path.rename(path.with_name(name))
        if f"/assets/{name}" not in text:
            wrong.append(f"{page.name} does not name {name}")
    if not check:
        page.write_text(text, encoding="utf-8")
    print("\n".join(wrong) or "all names are right")
    return 1 if wrong and check else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
