"""Files and folders of a host: what is wanted, what is there, and what tells them apart. Reads only what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

Kind = Literal["file", "directory", "absent"]


@dataclass(frozen=True)
class Wanted:
    """`content` None: a folder, or nothing. `kept`: only made where it is missing. `validate`: a command, `%s` is the new file."""

    path: str
    kind: Kind = "file"
    content: bytes | None = field(default=None, repr=False)
    secret: bool = False
    owner: int = 0
    group: int = 0
    mode: int = 0o644
    kept: bool = False
    validate: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found:
    """`kind` is `other` for a link, a socket and what else there is."""

    kind: Literal["file", "directory", "absent", "other"]
    content: bytes = field(default=b"", repr=False)
    owner: int = 0
    group: int = 0
    mode: int = 0


def faults(wanted: Sequence[Wanted], found: Sequence[Found], folders: set[str]) -> list[str]:
    """What cannot be done, each with its mend. `folders` are those of the host that hold a path of the list."""
    seen: set[str] = set()
    told = []
    for one, there in zip(wanted, found, strict=True):
        if one.path in seen:
            told.append(f"{one.path}: listed twice. Mend: list it once")
        seen.add(one.path)
        if not one.path.startswith("/"):
            told.append(f"{one.path}: not an absolute path. Mend: begin it with /")
        elif one.kind != "absent" and str(PurePath(one.path).parent) not in folders:
            told.append(f"{one.path}: its folder does not exist. Mend: list the folder before it")
        if one.kind == "directory":
            folders.add(one.path)
        if there.kind not in (one.kind, "absent") and (one.kind != "absent" or there.kind == "other"):
            is_now = {"other": "neither a file nor a folder"}.get(there.kind, f"a {there.kind}")
            told.append(f"{one.path}: is {is_now} on the host, and wanted as {one.kind}. Mend: move it away")
        if one.validate and "%s" not in " ".join(one.validate):
            told.append(f"{one.path}: validate has no %s. Mend: write %s where the file's name belongs")
    return told


def rewritten(wanted: Wanted, found: Found) -> bool:
    """The file is made, or made anew."""
    return wanted.kind == "file" and (found.kind == "absent" or (not wanted.kept and wanted.content != found.content))


def attributes(wanted: Wanted, found: Found) -> dict[str, tuple[str, str]]:
    """What differs beside the content: name to before and after. All of something that is new."""
    if wanted.kind == "absent":
        return {}
    pairs = {
        "owner": (str(found.owner), str(wanted.owner)),
        "group": (str(found.group), str(wanted.group)),
        "mode": (f"{found.mode:04o}", f"{wanted.mode:04o}"),
    }
    if found.kind == "absent":
        return {name: ("", after) for name, (_, after) in pairs.items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def differs(wanted: Wanted, found: Found) -> bool:
    if wanted.kind == "absent":
        return found.kind != "absent"
    return rewritten(wanted, found) or bool(attributes(wanted, found))


def diff(wanted: Wanted, found: Found) -> dict[str, str]:
    """For the screen. Of a secret only that it differs."""
    changed = attributes(wanted, found)
    before = [f"state: {found.kind}", *(f"{name}: {pair[0]}" for name, pair in changed.items() if pair[0])]
    after = [f"state: {wanted.kind}", *(f"{name}: {pair[1]}" for name, pair in changed.items())]
    if rewritten(wanted, found) or (wanted.kind == "absent" and found.kind == "file"):
        hidden = "(a secret)\n"
        old = found.content.decode(errors="replace") if not wanted.secret else hidden if found.kind == "file" else ""
        new = (wanted.content or b"").decode(errors="replace") if not wanted.secret else hidden
        before.append(old)
        after.append("" if wanted.kind == "absent" else new)
    return {
        "before_header": wanted.path,
        "after_header": wanted.path,
        "before": "\n".join(before).rstrip("\n") + "\n",
        "after": "\n".join(after).rstrip("\n") + "\n",
    }
