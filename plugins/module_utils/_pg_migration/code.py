"""The move's own code as a zip file that outlives the run of a module.

Ansible runs a module from an archive that is gone when the module ends; what is started from it has to bring its own copy. Beside
each source the archive has what this Python makes of it: from a source alone every process would begin with half a second of
compiling, the watchdog before a freeze among them. Another Python compiles for itself.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
import marshal
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
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


def _compiled(name: str, source: bytes) -> bytes:
    """As in PEP 552: by the hash of its source, and not compared with it again."""
    unchecked_hash = (1).to_bytes(4, "little")
    code = marshal.dumps(compile(source, name, "exec", dont_inherit=True))
    return importlib.util.MAGIC_NUMBER + unchecked_hash + importlib.util.source_hash(source) + code


def _digest(files: Mapping[str, bytes]) -> str:
    """Of the code and of the Python that it is compiled for."""
    whole = hashlib.sha256(importlib.util.MAGIC_NUMBER)
    for name in sorted(files):
        whole.update(f"{name} {len(files[name])}\n".encode() + files[name])
    return whole.hexdigest()[:16]


@functools.cache
def _archive(own: Path) -> tuple[str, Callable[[], bytes]]:
    """Its name, and what makes it: once in a process, for the code of a process does not change."""
    files = _files(own)

    @functools.cache
    def content() -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            for name in sorted(files):
                packed.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
                packed.writestr(zipfile.ZipInfo(f"{name}c"), _compiled(name, files[name]), zipfile.ZIP_DEFLATED)
        return made.getvalue()

    return f"code-{_digest(files)}.zip", content


def pack(folder: Path, own: Path = Path(__file__)) -> Path:
    """Write the archive into the folder, once for each version of the code; a running child keeps the one it began with."""
    name, content = _archive(own)
    archive = folder / name
    if not archive.exists():
        temporary = archive.with_suffix(".new")
        temporary.touch(mode=0o600)
        os.chmod(temporary, 0o600)
        temporary.write_bytes(content())
        temporary.replace(archive)
    return archive
