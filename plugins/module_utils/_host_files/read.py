"""From the options of the module to what is wanted."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._host_files import host
from ansible_collections.tiketi.platform.plugins.module_utils._host_files.model import Wanted

_USUAL = {"file": "0644", "directory": "0755", "absent": "0000"}
_MODE = re.compile(r"[0-7]{3,4}")


def wanted_of(files: Sequence[Mapping[str, Any]]) -> tuple[list[Wanted], list[str]]:
    """What is wanted, and what is wrong with the options, each with its mend."""
    wanted, told = [], []
    for file in files:
        path, state = file["path"], file["state"]
        texts = [name for name in ("content", "secret") if file[name] is not None]
        if len(texts) != (state == "file"):
            rule = "give one of content and secret" if state == "file" else "leave content and secret out"
            told.append(f"{path}: state is {state}, with {' and '.join(texts) or 'no text'}. Mend: {rule}")
        mode = file["mode"] or _USUAL[state]
        if not _MODE.fullmatch(mode):
            told.append(f'{path}: mode {mode} is not octal. Mend: write it as "0640"')
            mode = _USUAL[state]
        owner, group = (
            _number(find, file[what], f"{path}: the {what} {file[what]} is not on this host", told)
            if file[what]
            else mine
            for what, find, mine in (("owner", host.user, os.geteuid()), ("group", host.group, os.getegid()))
        )
        text = file[texts[0]] if texts else None
        wanted.append(
            Wanted(
                path=path,
                kind=state,
                content=None if text is None else text.encode(),
                secret=file["secret"] is not None,
                owner=owner,
                group=group,
                mode=int(mode, 8),
                kept=file["keep"],
                validate=tuple(file["validate"]),
            )
        )
    return wanted, told


def _number(find: Callable[[str], int], name: str, fault: str, told: list[str]) -> int:
    try:
        return find(name)
    except KeyError:
        told.append(f"{fault}. Mend: make it first, or name another")
        return 0
