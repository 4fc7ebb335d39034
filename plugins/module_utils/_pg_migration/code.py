"""The move's own code as a zip file that outlives the run of a module.

Ansible runs a module from an archive that is gone when the module ends; what is started from it has to bring its own copy.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

PREFIX = PurePosixPath("ansible_collections/tiketi/platform/plugins/module_utils")
PACKAGES = ("_pg", "_pg_migration", "_pg_restore", "_pgbouncer", "_cutover", "_redis_migration", "_haproxy")

# Python adds this to its path and hands over; nothing else is in argv but two file names.
BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]);"
    f" from {'.'.join(PREFIX.parts)}._pg_migration.launch import child; child(sys.argv[2])"
)


def _from_archive(archive: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            path = PurePosixPath(name)
            if path.suffix == ".py" and path.is_relative_to(PREFIX) and path.relative_to(PREFIX).parts[0] in PACKAGES:
                yield name, opened.read(name)


def _from_tree(folder: Path) -> Iterator[tuple[str, bytes]]:
    for package in PACKAGES:
        for file in sorted((folder / package).rglob("*.py")):
            yield str(PREFIX / file.relative_to(folder).as_posix()), file.read_bytes()


def _files(own: Path) -> dict[str, bytes]:
    """`own` is this file, in a folder or inside an archive."""
    archive = next((parent for parent in own.parents if parent.is_file()), None)
    found = dict(_from_archive(archive) if archive else _from_tree(own.parent.parent))
    for name in list(found):  # inside an archive Python wants every package to say that it is one
        for parent in PurePosixPath(name).parents:
            if parent.parts:
                found.setdefault(str(parent / "__init__.py"), b"")
    return found


def pack(folder: Path, own: Path = Path(__file__)) -> Path:
    """Write the archive into the folder, once for each version of the code; a running child keeps the one it began with."""
    files = _files(own)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sorted(files):
            packed.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
    archive = folder / f"code-{hashlib.sha256(content.getvalue()).hexdigest()[:16]}.zip"
    if not archive.exists():
        temporary = archive.with_suffix(".new")
        temporary.touch(mode=0o600)
        os.chmod(temporary, 0o600)
        temporary.write_bytes(content.getvalue())
        temporary.replace(archive)
    return archive
