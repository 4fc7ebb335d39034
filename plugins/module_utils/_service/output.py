"""Write rendered YAML to a folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._service.errors import ServiceError
from ansible_collections.tiketi.platform.plugins.module_utils._service.report import MARK


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _replace(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
    ) as new:
        new.write(text)
    os.chmod(new.name, 0o644)
    os.replace(new.name, path)


def write(folder: str, files: Mapping[str, str], check: bool) -> list[str]:
    """Make the folder hold these files; return the names that change. Files of others in it are left alone."""
    root = Path(folder)
    try:
        changed = [name for name, text in files.items() if _read(root / name) != text]
        ours = (p for p in root.glob("*.yml") if p.name not in files and (_read(p) or "").startswith(MARK))
        gone = sorted(path.name for path in ours)
        if not check:
            root.mkdir(parents=True, exist_ok=True)
            for name in changed:
                _replace(root / name, files[name])
            for name in gone:
                (root / name).unlink()
    except OSError as error:
        raise ServiceError(f"the rendered YAML cannot be written to {folder}: {error}") from error
    return sorted([*changed, *gone])
