"""Log lines in the form K3s writes them, so that whoever reads K3s's journal reads ours."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import NoReturn


class FatalError(Exception):
    """K3s would end with this message."""


def _write(level: str, message: str) -> None:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    text = message.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    sys.stderr.write(f'time="{now}" level={level} msg="{text}"\n')
    sys.stderr.flush()


def info(message: str) -> None:
    _write("info", message)


def warning(message: str) -> None:
    _write("warning", message)


def error(message: str) -> None:
    _write("error", message)


def fatal(message: str) -> NoReturn:
    _write("fatal", message)
    raise SystemExit(1)
