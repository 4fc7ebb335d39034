"""While a side is closed: what leads the freeze to an end after the runner itself was restarted.

The watchdog is a process, and goes with the machine. A unit that starts at boot stands beside it for as long as the freeze lasts. It needs
to connect, so the passwords lie on a disk for that long, in a file of root's; where nothing boots by systemd there is none of this.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration import code, launch
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.context import Context
from ansible_collections.tiketi.platform.plugins.module_utils._pg_migration.errors import MigrationError

WHAT = "reboot"
UNITS = Path("/etc/systemd/system")
WANTS = "multi-user.target.wants"
# What may have to be there first on a runner that is also the source or the pooler; those that are not installed are passed over.
AFTER = ("network-online.target", "postgresql.service", "docker.service", "podman.service", "pgbouncer.service", "haproxy.service")  # fmt: skip

UNIT = """\
[Unit]
Description=Leads the move of {source} to {target} to an end after a restart of this machine
ConditionPathExists={secret}
Wants=network-online.target
After={after}

[Service]
Type=exec
ExecStart={command}
WorkingDirectory={folder}
UMask=0077
StandardOutput=append:{log}
StandardError=append:{log}

[Install]
WantedBy=multi-user.target
"""


def _unit(context: Context) -> launch.Unit:
    return launch.Unit(context, WHAT)


def _files(context: Context) -> tuple[Path, Path, Path]:
    """What enables the unit, the unit, and the secret: taken away in this order."""
    name = f"{_unit(context).name}.service"
    return UNITS / WANTS / name, UNITS / name, context.journal.folder / f"{WHAT}.secret.json"


def arm(context: Context, entry: Callable[[Context, dict[str, Any]], Any], arguments: Mapping[str, Any]) -> None:
    """Before anything is closed. The manager reads units at boot: it need not be told now."""
    if not launch.booted():
        return
    try:
        _write(context, entry, arguments)
    except OSError as error:
        disarm(context)
        raise MigrationError(
            f"what would open a side again after a restart of this runner cannot be written: {error.strerror} ({error.filename});"
            f" nothing was frozen. Mend: make {UNITS} and {context.journal.folder} writable for root"
        ) from None


def _write(context: Context, entry: Callable[[Context, dict[str, Any]], Any], arguments: Mapping[str, Any]) -> None:
    unit = _unit(context)
    link, file, secret = _files(context)
    launch.write_secret(unit, secret, entry, arguments, kept=True)
    command = [sys.executable, "-c", code.BOOT, str(code.pack(unit.folder)), str(secret)]
    values = {"source": context.ends.source.label, "target": context.ends.target.label, "after": " ".join(AFTER), "secret": secret,
              "folder": unit.folder, "log": unit.log}  # fmt: skip
    plain = {key: str(value).replace("%", "%%") for key, value in values.items()}
    text = UNIT.format(command=_quoted(command), **plain)
    link.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    link.unlink(missing_ok=True)
    link.symlink_to(file)
    for folder in (secret.parent, file.parent, link.parent):
        _sync(folder)


def disarm(context: Context) -> None:
    """Nothing is closed any more."""
    for file in _files(context):
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


def _quoted(command: Sequence[str]) -> str:
    """As the service manager reads a command line."""
    escapes = {"\\": "\\\\", '"': '\\"', "%": "%%", "$": "$$"}
    return " ".join('"' + "".join(escapes.get(letter, letter) for letter in word) + '"' for word in command)


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
