"""python -m tiketi: the service that the environment names."""

from __future__ import annotations

import os
import sys

import uvicorn

from . import logs, settings
from .main import build


def main() -> int:
    try:
        chosen = settings.load(os.environ)
    except settings.SettingsError as error:
        print(f"tiketi cannot start: {error}", file=sys.stderr)
        return 2
    logs.configure(chosen.service)
    uvicorn.run(
        build(chosen),
        host="0.0.0.0",  # noqa: S104 - a container is reached from outside it
        port=chosen.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        # What is under way is answered before the process ends.
        timeout_graceful_shutdown=20,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
