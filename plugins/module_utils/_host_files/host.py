"""Reads and writes the files of this host; each is replaced at once, and never readable by more than those who may."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._host_files.model import (
    Found,
    Wanted,
    attributes,
    rewritten,
)


class HostFilesError(Exception):
    """With what is wrong and how to mend it."""


def look(path: str) -> Found:
    try:
        about = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return Found("absent")
    kind = "directory" if stat.S_ISDIR(about.st_mode) else "file" if stat.S_ISREG(about.st_mode) else "other"
    content = Path(path).read_bytes() if kind == "file" else b""
    return Found(kind, content, about.st_uid, about.st_gid, stat.S_IMODE(about.st_mode))  # type: ignore[arg-type]


def folders(wanted: Sequence[Wanted]) -> set[str]:
    """Those on the host that hold a path of the list."""
    parents = {str(Path(one.path).parent) for one in wanted}
    return {parent for parent in parents if Path(parent).is_dir()}


def user(name: str) -> int:
    return int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid


def group(name: str) -> int:
    return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid


def bring(wanted: Wanted, found: Found, label: Callable[[str], None]) -> None:
    """Make what is there what is wanted. `label` gives a new path its context where the system has such.

    Raises HostFilesError when the new file is not what its command takes; the old one stays.
    """
    path = Path(wanted.path)
    if wanted.kind == "absent":
        path.rmdir() if found.kind == "directory" else path.unlink(missing_ok=True)
        return
    if wanted.kind == "directory" and found.kind == "absent":
        path.mkdir(mode=0o700)
        label(wanted.path)
    elif rewritten(wanted, found):
        _replace(wanted)
        label(wanted.path)
        return
    if attributes(wanted, found):
        os.chown(path, wanted.owner, wanted.group)
        # After the owner: a change of owner takes bits away.
        path.chmod(wanted.mode)


def _replace(wanted: Wanted) -> None:
    path = Path(wanted.path)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(wanted.content or b"")
            stream.flush()
            os.fsync(stream.fileno())
            os.fchown(stream.fileno(), wanted.owner, wanted.group)
            os.fchmod(stream.fileno(), wanted.mode)
        if wanted.validate:
            _validate(wanted, partial)
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _validate(wanted: Wanted, partial: str) -> None:
    command = [word.replace("%s", partial) for word in wanted.validate]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise HostFilesError(f"{wanted.path}: cannot be checked, {error}. The file was not touched.") from error
    if done.returncode:
        told = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").replace(
            partial, wanted.path
        )
        shown = "its check says no (not shown, the file is secret)" if wanted.secret else told
        raise HostFilesError(f"{wanted.path}: {command[0]} refuses the new content, so the old one stays: {shown}")
